/** Small chat templates for tests: each writes tool calls as one family of models does. */

/** `calls` prints the list `message.tool_calls`. */
function chatMl(calls: string, definitions = "{{- tool | tojson + '\\n' }}"): string {
  return `{%- for tool in tools or [] %}${definitions}{%- endfor %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.tool_calls %}${calls}{%- else %}{{- message.content }}{%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`;
}

const each = (call: string, between = "") =>
  `{%- for call in message.tool_calls %}{{- '' if loop.first else '${between}' }}${call}{%- endfor %}`;

/** Ids of nine characters only, behind the arguments. */
export const mistral = chatMl(
  `{{- '[TOOL_CALLS][' }}${each(
    `{%- if call.id | length != 9 %}{{- raise_exception('Tool call ids have nine characters.') }}{%- endif %}
    {{- (call.function | tojson)[:-1] + ', "id": "' + call.id + '"}' }}`,
    ", ",
  )}{{- ']' }}`,
);

export const mistralArguments = chatMl(
  each("{{- '[TOOL_CALLS]' + call.function.name + '[ARGS]' + (call.function.arguments | tojson) }}"),
);

export const phi = chatMl(each("{{- '<|tool_call|>' + (call.function | tojson) + '<|/tool_call|>' }}"));

export const phiList = chatMl(
  `{{- '<|tool_call|>[' }}${each("{{- call.function | tojson }}", ", ")}{{- ']<|/tool_call|>' }}`,
);

/** Prints no calls: a reply's text is expected to hold them. */
export const smolLm = chatMl(
  "{{- '' }}",
  `{{- tool | tojson + '\\nCalls are written so: <tool_call>\\n{"name": ..., "arguments": ...}\\n</tool_call>\\n' }}`,
);

export const plainJson = chatMl(
  `{%- if message.tool_calls | length != 1 %}{{- raise_exception('One call at a time.') }}{%- endif %}${each("{{- call.function | tojson }}")}`,
);

/** A notation that is not JSON. */
export const xml = chatMl(
  each(
    "{{- '<function=' + call.function.name + '>' }}{%- for key, value in call.function.arguments | items %}{{- '<parameter=' + key + '>' + value + '</parameter>' }}{%- endfor %}{{- '</function>' }}",
  ),
);
