#!/usr/bin/env bash
# Checks a delivery by hand: its headers in WEBHOOK_ID, WEBHOOK_TIMESTAMP and WEBHOOK_SIGNATURE, its body, byte for
# byte, in the file $1. For looking into one; a server compares in constant time, as the other examples do.
set -euo pipefail

now=$(date +%s)
((WEBHOOK_TIMESTAMP > now - 300 && WEBHOOK_TIMESTAMP < now + 300)) || { echo "too old, or from the future" >&2; exit 1; }
key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
expected=$({ printf '%s.%s.' "$WEBHOOK_ID" "$WEBHOOK_TIMESTAMP"; cat "$1"; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
for signature in $WEBHOOK_SIGNATURE; do # two for a day after the secret was replaced
  if [[ $signature == "v1,$expected" ]]; then
    echo genuine
    exit 0
  fi
done
echo "not from us" >&2
exit 1
