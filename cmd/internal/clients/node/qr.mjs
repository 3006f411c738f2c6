// Reads the QR code of a PNG on standard input and prints its text.
import { readFileSync } from "node:fs";
import jsqr from "jsqr";
import { PNG } from "pngjs";

const { data, width, height } = PNG.sync.read(readFileSync(0));
const found = (jsqr.default ?? jsqr)(new Uint8ClampedArray(data), width, height);
if (!found) throw new Error("there is no QR code in this picture");
process.stdout.write(found.data);
