<?php
// Tells whether a delivery is genuine. $body is what arrived, byte for byte: file_get_contents('php://input').
function verify(string $secret, string $id, string $timestamp, string $signatures, string $body): bool
{
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > 300) {
        return false; // too old, or from the future
    }
    $key = base64_decode(substr($secret, strlen('whsec_')), true);
    if ($key === false) {
        return false;
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    foreach (explode(' ', $signatures) as $signature) { // two for a day after the secret was replaced
        if (hash_equals($expected, $signature)) {
            return true;
        }
    }
    return false;
}

// In a web server the headers are $_SERVER['HTTP_WEBHOOK_ID'] and so on.
$body = file_get_contents(PHP_SAPI === 'cli' ? 'php://stdin' : 'php://input');
$header = fn (string $name): string => $_SERVER["HTTP_$name"] ?? (getenv($name) ?: '');
if (!verify(getenv('WEBHOOK_SECRET') ?: '', $header('WEBHOOK_ID'), $header('WEBHOOK_TIMESTAMP'), $header('WEBHOOK_SIGNATURE'), $body)) {
    http_response_code(401);
    exit(1);
}
$event = json_decode($body, true);
// Remember WEBHOOK_ID, and do nothing for one that came before. Then answer 2xx, and work afterwards.
echo $event['type'], "\n";
