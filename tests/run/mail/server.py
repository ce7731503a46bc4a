"""A mail server: keeps each message as a line of JSON in `mails`. With `tls` it wants STARTTLS and a login."""

import asyncio, datetime, json, ssl, sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Keep:
    async def handle_DATA(self, server, session, envelope):
        with open("mails", "a") as file:
            file.write(json.dumps({
                "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": bool(session.ssl),
                "login": getattr(session, "login", None), "text": envelope.content.decode(),
            }) + "\n")
        return "250 kept"


def certificate():
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime(2020, 1, 1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=36500))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = made.add_extension(names, False).sign(key, hashes.SHA256())
    with open("server.crt", "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    with open("server.key", "wb") as file:
        file.write(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def login(server, session, envelope, mechanism, data):
    if not isinstance(data, LoginPassword) or data.password != b"S3cret of the mail":
        return AuthResult(success=False, handled=False)
    session.login = data.login.decode()
    return AuthResult(success=True)


def protocol():
    if "tls" not in sys.argv:
        return SMTP(Keep())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.crt", "server.key")
    return SMTP(Keep(), tls_context=context, require_starttls=True, authenticator=login, auth_required=True)


async def main():
    if "tls" in sys.argv:
        certificate()
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
