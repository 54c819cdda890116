// The package ws against a language server behind a bridge: node lsp.mjs URL FILE LANGUAGE. Prints the server's diagnostics of FILE, and then what it knows of the
// name at the beginning of line 2.
import { readFileSync } from "node:fs";
import WebSocket from "ws";

const [url, file, languageId] = process.argv.slice(2);
const uri = "file://" + file;
const text = readFileSync(file, "utf8");
const socket = new WebSocket(url, { perMessageDeflate: true });
const waiting = new Map();
let next = 1;
const send = (message) => socket.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
const call = (method, params) =>
	new Promise((resolve, reject) => {
		waiting.set(next, { resolve, reject });
		send({ id: next++, method, params });
	});
const diagnostics = new Promise((resolve) => {
	socket.on("message", (data, binary) => {
		const message = JSON.parse(data);
		if (binary)
			throw new Error("a text protocol in binary frames");
		if (message.method === "textDocument/publishDiagnostics" && message.params.diagnostics.length > 0)
			resolve(message.params.diagnostics);
		else if (message.method !== undefined && message.id !== undefined)
			send({ id: message.id, result: null });
		else if (waiting.has(message.id))
			message.error ? waiting.get(message.id).reject(message.error) : waiting.get(message.id).resolve(message.result);
	});
});
await new Promise((resolve, reject) => {
	socket.on("open", resolve);
	socket.on("error", reject);
});
const { capabilities } = await call("initialize", { processId: null, rootUri: null, capabilities: {} });
send({ method: "initialized", params: {} });
send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId, version: 1, text } } });
console.log(JSON.stringify({ compressed: socket.extensions !== "", hover: Boolean(capabilities.hoverProvider) }));
console.log(JSON.stringify((await diagnostics).map((d) => d.message)));
const hover = await call("textDocument/hover", { textDocument: { uri }, position: { line: 1, character: 5 } });
console.log(JSON.stringify(hover));
await new Promise((resolve) => {
	socket.on("pong", resolve);
	socket.ping();
});
socket.close(1000);
const code = await new Promise((resolve) => socket.on("close", resolve));
console.log(JSON.stringify({ closed: code }));
process.exit(0);
