#!/usr/bin/env node
// Squares each number that it reads, until end of file: the task that writes has ended for good then, and not only been restarted.
const lines = require("readline").createInterface({ input: process.stdin });

lines.on("line", (line) => {
	process.stdout.write(`${BigInt(line) ** 2n}\n`);
});
