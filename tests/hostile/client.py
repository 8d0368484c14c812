"""The command of a scene under --renew: asks its helper for the key, as an SDK would."""

import os
import socket

NO_CREDENTIALS = 9

try:
    _, _, address = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"].partition("//")
    place, _, path = address.partition("/")
    host, _, port = place.partition(":")
    token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    request = f"GET /{path} HTTP/1.1\r\nHost: {place}\r\nAuthorization: {token}\r\n\r\n"
    helper = socket.create_connection((host, int(port)), timeout=30)
    helper.sendall(request.encode())
    answer = b""
    while part := helper.recv(65536):
        answer += part
    key = answer.partition(b'"AccessKeyId"')[2].split(b'"')[1].decode()
except (OSError, LookupError):
    raise SystemExit(NO_CREDENTIALS) from None
with open("ran", "w") as file:
    file.write(key)
