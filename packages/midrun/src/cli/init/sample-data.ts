/** The rows that a new project trains on: support tickets, and the team that answers them. */

const tickets: Readonly<Record<string, readonly string[]>> = {
  account: [
    "I can't log in.",
    "My password does not work any more.",
    "Please change my email address.",
    "How do I close my account?",
    "The login page sends me no code.",
    "Two people share my account and I want to split it.",
    "My profile shows the wrong phone number.",
    "I forgot which address I signed up with.",
  ],
  billing: [
    "I was charged twice this month.",
    "Where can I find my invoice?",
    "My card was declined, but the money is gone.",
    "Please send me a receipt for last year.",
    "The price on the invoice is wrong.",
    "I want a refund.",
    "Can I pay by bank transfer?",
    "The discount was not applied to my bill.",
  ],
  shipping: [
    "My parcel has not arrived.",
    "The package came damaged.",
    "Where is my order?",
    "Please send it to another address.",
    "The tracking page says nothing.",
    "One item is missing from the box.",
    "How long does delivery take?",
    "The courier left the parcel outside in the rain.",
  ],
};

const greetings = ["", "Hello! ", "Hi, quick question. "];

/** As JSONL: chats in OpenAI's format, the order mixed so that any part of them holds every team. */
export function sampleRows(): string {
  const teams = Object.entries(tickets);
  const longest = Math.max(...teams.map(([, texts]) => texts.length));
  const rows = greetings.flatMap((greeting) =>
    Array.from({ length: longest }, (_, i) => i).flatMap((i) =>
      teams.flatMap(([team, texts]) => (texts[i] === undefined ? [] : [toRow(greeting + texts[i], team)])),
    ),
  );
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

function toRow(ticket: string, team: string) {
  return {
    messages: [
      { role: "user", content: ticket },
      { role: "assistant", content: team },
    ],
  };
}
