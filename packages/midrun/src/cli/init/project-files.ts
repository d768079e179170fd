/** The files of a new project, by their path in it. */
import { sampleRows } from "./sample-data.ts";

export interface ProjectOptions {
  /** Name of its package. */
  name: string;
  /** Of midrun. */
  version: string;
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

export function projectFiles(options: ProjectOptions): Record<string, string> {
  return {
    "package.json": json(manifestOf(options)),
    "tsconfig.json": json(tsconfig),
    ".gitignore": "node_modules/\ndist/\n.midrun/\n",
    "src/midrun/index.ts": entry,
    "data/train.jsonl": sampleRows(),
  };
}

const manifestOf = ({ name, version }: ProjectOptions) => ({
  name,
  private: true,
  type: "module",
  scripts: { dev: "midrun dev", train: "midrun start", build: "midrun build", check: "midrun data check" },
  dependencies: { midrun: `^${version}` },
  devDependencies: { "@types/node": "^24.0.0", typescript: "^6.0.0" },
});

const tsconfig = {
  compilerOptions: {
    target: "ES2023",
    module: "NodeNext",
    strict: true,
    noEmit: true,
    // Node runs these files as they are: it takes types away, and nothing else.
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: ["node"],
  },
  include: ["src", "midrun.config.ts"],
};

const entry = `import { createMidrun, createTrainer, readText } from "midrun";

const trainer = createTrainer({
  name: "support-bot",
  model: "midrun/nano",
  dataset: { type: "file", path: "data/train.jsonl" },
  lora: { r: 16, alpha: 32 },
  numTrainEpochs: 6,
  batchSize: 4,
  learningRate: 4e-3,
  saveSteps: { ratio: 0.25 },
  callbacks: {
    // The checkpoint that was just saved answers, while training goes on.
    onCheckpoint: async ({ step, infer }) => {
      const messages = [{ role: "user" as const, content: "Hello! My parcel is still not here." }];
      const answer = await infer({ messages, temperature: 0, maxTokens: 8 });
      console.log(\`step \${step} sends the ticket to: \${await readText(answer)}\`);
    },
  },
});

export const midrun = createMidrun({ trainer });
`;
