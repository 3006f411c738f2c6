import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

// Tells whether a delivery is genuine. body is a Buffer of what arrived, byte for byte.
export function verify(secret, headers, body) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false; // too old, or from the future
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = Buffer.from("v1," + createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64"));
  return (headers["webhook-signature"] ?? "").split(" ").some((text) => { // two for a day after the secret was replaced
    const signature = Buffer.from(text);
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  if (!verify(process.env.WEBHOOK_SECRET, request.headers, body)) {
    response.writeHead(401).end();
    return;
  }
  const event = JSON.parse(body);
  // Remember webhook-id, and do nothing for one that came before. Then answer 2xx, and work afterwards.
  response.writeHead(200).end(event.type);
});
server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1", () => console.log(server.address().port));
