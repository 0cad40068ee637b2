"""TLS and passwords, with the web configuration of a real Alertmanager."""

import base64
import os
import ssl
import subprocess
import tempfile
import unittest

from harness.alerting import Manager, Notifier, node, notify_alertmanager
from harness.daemon import need
from harness.wait import wait_until

# of the password "right"
BCRYPT = "$2b$04$7rVBAzsEbkGmOTKM1shBjeaunxkXg8RFSaRSz1fc2wHrhEsBZ0Qem"


class Certificates:
    """An authority, certificates it signed, and one of another authority."""

    def __init__(self, folder):
        self.folder = folder
        self._authority("ca")
        self._authority("other")
        self._signed("server", "ca", "IP:127.0.0.1,DNS:localhost")
        self._signed("elsewhere", "ca", "DNS:elsewhere.example.org")
        self._signed("client", "ca", "DNS:collectd")

    def path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        command = [need("openssl", "openssl")] + list(arguments)
        subprocess.run(
            command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _key(self, name):
        self._openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", name + ".key")

    def _authority(self, name):
        self._key(name)
        self._openssl(
            *"req -x509 -new -days 2 -subj".split(),
            "/CN=test " + name,
            *("-key %s.key -out %s.pem" % (name, name)).split(),
        )

    def _signed(self, name, authority, names):
        self._key(name)
        self._openssl(
            *"req -new -subj".split(),
            "/CN=" + name,
            *("-key %s.key -out %s.csr" % (name, name)).split(),
        )
        with open(self.path(name + ".ext"), "w", encoding="ascii") as file:
            file.write("subjectAltName=%s\n" % names)
        self._openssl(
            *(
                "x509 -req -days 2 -in {0}.csr -CA {1}.pem -CAkey {1}.key -CAcreateserial "
                "-extfile {0}.ext -out {0}.pem"
            )
            .format(name, authority)
            .split()
        )


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates(cls.enterClassContext(tempfile.TemporaryDirectory()))

    def manager(self, certificate="server", client=False, password=False):
        """A real Alertmanager with TLS; we look at it without checking its certificate."""
        path = self.certificates.path
        web = 'tls_server_config:\n  cert_file: "%s"\n  key_file: "%s"\n' % (
            path(certificate + ".pem"),
            path(certificate + ".key"),
        )
        if client:
            web += "  client_auth_type: RequireAndVerifyClientCert\n"
            web += '  client_ca_file: "%s"\n' % path("ca.pem")
        if password:
            web += "basic_auth_users:\n  me: %s\n" % BCRYPT
        manager = Manager(web_configuration=web)
        manager.tls = ssl.create_default_context()
        manager.tls.check_hostname = False
        manager.tls.verify_mode = ssl.CERT_NONE
        if client:
            manager.tls.load_cert_chain(path("client.pem"), path("client.key"))
        if password:
            token = base64.b64encode(b"me:right").decode()
            manager.headers = {"Authorization": "Basic " + token}
        return self.enterContext(manager)

    def fire(self, manager, **options):
        plugin = notify_alertmanager(node("am", manager.url, **options), ResendInterval=1)
        collectd = self.enterContext(Notifier(plugin))
        collectd.fire("secret")
        return collectd

    def check_refused(self, manager, collectd, *words):
        def line():
            found = [x for x in collectd.log().splitlines() if 'node "am"' in x]
            return found[0] if found else None

        text = wait_until("a complaint", line, 10)
        for word in words:
            self.assertIn(word, text)
        wait_until("a failed post", lambda: collectd.value("alert_posts", "am", "failed"), 5)
        self.assertEqual(0, collectd.value("alert_posts", "am", "ok"))
        self.assertEqual([], manager.alerts())

    def test_authority(self):
        """with the authority's certificate, alerts arrive"""
        manager = self.manager()
        self.fire(manager, CACert=self.certificates.path("ca.pem"))
        manager.wait_for_alert(plugin="secret")

    def test_unknown_authority(self):
        """without it they are refused, with the reason and the remedy"""
        manager = self.manager()
        self.check_refused(manager, self.fire(manager), "certificate", "CACert")

    def test_other_authority(self):
        """with another authority's certificate they are refused"""
        manager = self.manager()
        collectd = self.fire(manager, CACert=self.certificates.path("other.pem"))
        self.check_refused(manager, collectd, "certificate", "CACert")

    def test_other_name(self):
        """a certificate for another name is refused, with the reason"""
        manager = self.manager("elsewhere")
        collectd = self.fire(manager, CACert=self.certificates.path("ca.pem"))
        self.check_refused(manager, collectd, "127.0.0.1", "host name in URL")

    def test_not_verified(self):
        """VerifyPeer false takes any certificate"""
        manager = self.manager("elsewhere")
        self.fire(manager, VerifyPeer=False)
        manager.wait_for_alert(plugin="secret")

    def test_plain(self):
        """http to a port that speaks TLS: a line that asks for the scheme"""
        manager = self.manager()
        plugin = notify_alertmanager(node("am", "http://127.0.0.1:%d" % manager.port))
        collectd = self.enterContext(Notifier(plugin))
        collectd.fire("secret")
        self.check_refused(manager, collectd, "URL")

    def test_tls_to_plain(self):
        """https to a port that speaks none: a line that asks for the scheme"""
        manager = self.enterContext(Manager())
        url = "https://127.0.0.1:%d" % manager.port
        plugin = notify_alertmanager(node("am", url, VerifyPeer=False))
        collectd = self.enterContext(Notifier(plugin))
        collectd.fire("secret")
        self.check_refused(manager, collectd, "http or https")

    def test_client_certificate(self):
        """a client certificate opens what wants one"""
        manager = self.manager(client=True)
        path = self.certificates.path
        self.fire(
            manager,
            CACert=path("ca.pem"),
            ClientCert=path("client.pem"),
            ClientKey=path("client.key"),
        )
        manager.wait_for_alert(plugin="secret")

    def test_no_client_certificate(self):
        """without one it stays shut"""
        manager = self.manager(client=True)
        collectd = self.fire(manager, CACert=self.certificates.path("ca.pem"))
        self.check_refused(manager, collectd)

    def test_password(self):
        """user and password file open what wants them"""
        manager = self.manager(password=True)
        secret = self.certificates.path("password")
        with open(secret, "w", encoding="ascii") as file:
            file.write("right\n")
        collectd = self.fire(
            manager, CACert=self.certificates.path("ca.pem"), User="me", PasswordFile=secret
        )
        manager.wait_for_alert(plugin="secret")
        self.assertNotIn("right", collectd.log())

    def test_wrong_password(self):
        """a wrong password is refused, with the remedy, and not in the log"""
        manager = self.manager(password=True)
        collectd = self.fire(
            manager, CACert=self.certificates.path("ca.pem"), User="me", Password="wr0ng"
        )
        self.check_refused(manager, collectd, "401", "User, Password")
        self.assertNotIn("wr0ng", collectd.log())
