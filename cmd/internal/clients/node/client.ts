// What a merchant would write in TypeScript: a client typed by the document places an
// order, follows it to its end and reads a refusal.
import createClient from "openapi-fetch";
import { setTimeout } from "node:timers/promises";
import type { components, paths } from "./gateway.js";

const client = createClient<paths>({
  baseUrl: process.env.GATEWAY_URL ?? "",
  headers: { Authorization: `Bearer ${process.env.GATEWAY_KEY}` },
});

// The category tells the four shapes of an order apart.
function serial(order: components["schemas"]["OrderData"]["order"]): string | null {
  switch (order.category) {
    case "ppob":
      return order.data.sn;
    case "otp":
      return order.data.otp_code;
    case "product":
      return order.data.content;
    case "smm":
      return order.data.note;
  }
}

const placed = await client.POST("/order", {
  body: { category: "ppob", ref: "ts-1", sku: "TESTPULSA5", customer_no: "081234567801" },
});
if (!placed.data) throw new Error(`not placed: ${placed.error.code}`);
console.log("placed", placed.data.data.order.order_id, placed.data.data.order.price, placed.data.data.balance);

const until = Date.now() + 60_000;
for (;;) {
  const read = await client.GET("/order/{ref}", { params: { path: { ref: "ts-1" } } });
  if (!read.data) throw new Error(`not read: ${read.error.code}`);
  const order = read.data.data.order;
  if (order.status === "completed") {
    console.log("read", order.status, serial(order));
    break;
  }
  if (Date.now() > until) throw new Error(`the order is ${order.status}`);
  await setTimeout(100);
}

const refused = await client.POST("/order", { body: { category: "ppob", ref: "ts-2", sku: "TESTPULSA5" } });
if (refused.data) throw new Error("not refused");
console.log("refused", refused.response.status, refused.error.code, refused.error.details?.[0]?.field);

const unknown = await client.GET("/order/{ref}", { params: { path: { ref: "nobody" } } });
if (unknown.data) throw new Error("not refused");
console.log("unknown", unknown.response.status, unknown.error.code);
