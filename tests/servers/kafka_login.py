"""How clients of the tests' brokers log in, where they must: TLS, users, tokens, rights."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

ADMIN = "admin"  # the user who may do everything, where there are users
_STORE_PASSWORD = "opens-nothing"


def security(folder: Path, users: Mapping[str, str]) -> dict[str, str]:
    """Return the settings with which clients need TLS, a password or a token, and rights.

    Tokens are taken without a signature, as Kafka does for trials.
    """
    modules = "org.apache.kafka.common.security"
    words = " ".join(f'user_{name}="{word}"' for name, word in users.items())
    return {
        "ssl.keystore.location": str(folder / "keys.p12"),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.password": _STORE_PASSWORD,
        "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-256,PLAIN,OAUTHBEARER",
        "listener.name.client.scram-sha-256.sasl.jaas.config": f"{modules}.scram.ScramLoginModule required;",
        "listener.name.client.plain.sasl.jaas.config": f"{modules}.plain.PlainLoginModule required {words};",
        "listener.name.client.oauthbearer.sasl.jaas.config": (
            f'{modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:{ADMIN}",  # the brokers among themselves are anonymous
    }


def secured_client(folder: Path, users: Mapping[str, str]) -> dict[str, str]:
    """Make a certificate that signs itself, and return with what the admin trusts it and logs in."""
    store = [
        "-keystore",
        "keys.p12",
        "-storetype",
        "PKCS12",
        "-storepass",
        _STORE_PASSWORD,
        "-alias",
        "broker",
    ]
    made = ["-keyalg", "EC", "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-ext", "bc:c=ca:true"]
    for words in (["-genkeypair", *made], ["-exportcert", "-rfc", "-file", "ca.pem"]):
        subprocess.run(["keytool", *words, *store], cwd=folder, check=True, capture_output=True)
    return {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(folder / "ca.pem"),
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": ADMIN,
        "sasl.password": users[ADMIN],
    }
