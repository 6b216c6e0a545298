// Reads an AsyncAPI document from standard input and prints the official parser's verdict as JSON.
import { readFileSync } from "node:fs";

import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
console.log(JSON.stringify({ accepted: document !== undefined, diagnostics }));
