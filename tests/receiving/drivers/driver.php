<?php
// Runs the PHP snippet of the receiver guide; see tests/receiving/verifiers.py.
error_reporting(E_ALL);
set_error_handler(fn ($level, $message) => throw new ErrorException($message));
require $argv[1];
$job = json_decode(file_get_contents('php://stdin'), true, flags: JSON_THROW_ON_ERROR);

function verdict(array $job, array $request): string
{
    $headers = array_change_key_case($request['headers']);
    $body = base64_decode($request['body']);
    $tolerance = $job['tolerance'] === null ? [] : [$job['tolerance']];
    try {
        $accepted = $job['scheme'] === 'hex'
            ? verify_hex($request['secret'], $headers, $body, strtolower($request['hex_header']))
            : verify($request['secret'], $headers, $body, ...$tolerance);
    } catch (Throwable $error) {
        return 'error: ' . $error->getMessage();
    }
    return $accepted ? 'accepted' : 'refused';
}

echo json_encode(array_map(fn ($request) => verdict($job, $request), $job['requests']));
