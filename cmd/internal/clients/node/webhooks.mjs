// Verifies deliveries as a merchant would, with the published library of the standard.
// Standard input: [{secret, headers, body}]; standard output: one word each.
import { readFileSync } from "node:fs";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

for (const { secret, headers, body } of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const event = new Webhook(secret).verify(body, headers);
    console.log(`verified ${event.type}`);
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    console.log("refused");
  }
}
