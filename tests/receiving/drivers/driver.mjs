// Runs a Node.js snippet of the receiver guide; see tests/receiving/verifiers.py.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const snippet = await import(pathToFileURL(process.argv[2]));
const job = JSON.parse(readFileSync(0, "utf8"));

function verdict({ secret, headers, hex_header, body }) {
  const lowered = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const bytes = Buffer.from(body, "base64");
  try {
    const accepted =
      job.scheme === "hex"
        ? snippet.verifyHex(secret, lowered, bytes, hex_header.toLowerCase())
        : snippet.verify(secret, lowered, bytes, job.tolerance ?? undefined);
    return { true: "accepted", false: "refused" }[accepted] ?? `error: ${accepted}`;
  } catch (error) {
    return `error: ${error}`;
  }
}

console.log(JSON.stringify(job.requests.map(verdict)));
