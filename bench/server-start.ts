/** A server's start in a process of its own: `server-start.ts DATA_DIR`. Prints the milliseconds from the process's start to its first answer. */
import { createLocalServer } from "../packages/midrun/src/server/local-server.ts";
import { listen } from "../packages/midrun/src/server/serve.ts";

const app = createLocalServer({ dataDir: process.argv[2]! });
const { url, close } = await listen(app, { port: 0 });
const { status } = await fetch(`${url}/v1/jobs`);
if (status !== 200) throw new Error(`GET /v1/jobs answered ${status}.`);
console.log(performance.now());
await close();
await app.close();
