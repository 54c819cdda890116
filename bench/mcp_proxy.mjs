// What bench/web takes as the peer of mcp-http: a proxy in plain Node.js, without a package. Each session starts the command; a POST becomes a line, and the line with its
// id the answer. node mcp_proxy.mjs PORT COMMAND...
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const [port, command, ...args] = process.argv.slice(2);
const sessions = new Map();

function begin() {
	const session = { id: randomUUID(), waiting: new Map(), program: spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] }) };
	let rest = "";
	session.program.stdout.setEncoding("utf8");
	session.program.stdout.on("data", (text) => {
		const lines = (rest + text).split("\n");
		rest = lines.pop();
		for (const line of lines) {
			const message = JSON.parse(line);
			session.waiting.get(message.id)?.(message);
			session.waiting.delete(message.id);
		}
	});
	sessions.set(session.id, session);
	return session;
}

createServer((request, response) => {
	const pieces = [];
	request.on("data", (piece) => pieces.push(piece));
	request.on("end", () => {
		const message = JSON.parse(Buffer.concat(pieces).toString());
		const session = message.method === "initialize" ? begin() : sessions.get(request.headers["mcp-session-id"]);
		if (session === undefined) {
			response.writeHead(404).end();
			return;
		}
		if (message.id === undefined) {
			response.writeHead(202).end();
		} else {
			session.waiting.set(message.id, (answer) => {
				const body = JSON.stringify(answer);
				response.writeHead(200, { "content-type": "application/json", "mcp-session-id": session.id, "content-length": Buffer.byteLength(body) });
				response.end(body);
			});
		}
		session.program.stdin.write(JSON.stringify(message) + "\n");
	});
}).listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => {
	for (const session of sessions.values()) session.program.kill();
	process.exit(0);
});
