"""The nodes of a cluster and their secret: who proves it belongs, everybody else is refused, with a sentence."""
import os
import re
import socket
from pathlib import Path

from harness import (BROKER, COORDINATOR, Node, Process, case, check, check_equal, free_port, run_cases,
                     settings_arguments, wait_for)


def make_secret(folder, name, mode=0o600):
    path = Path(folder) / name
    path.write_bytes(os.urandom(32))
    path.chmod(mode)
    return path


class SecretNode(Node):
    """Both nodes know one secret."""

    def __enter__(self):
        secret = make_secret(self.folder, 'secret')
        self.coordinator_settings['cluster.secret_file'] = secret
        self.overrides['cluster.secret_file'] = secret
        return super().__enter__()

    def broker_says(self, sentence, seconds=20):
        log = self.folder / 'broker.log'
        wait_for(lambda: re.search(sentence, log.read_text()), seconds, f'the broker to say "{sentence}"')


@case
def nodes_prove_their_secret():
    """A broker with the secret serves; with another, or none, it is refused and says what to do; then serves again."""
    with SecretNode() as node:
        node.cli('topic', 'create', 'games')
        node.cli('produce', 'games', input='goal\n')
        right = node.overrides.pop('cluster.secret_file')
        refused = r'do not know the same secret: check cluster\.secret_file'
        for secret in (None, make_secret(node.folder, 'other')):
            (node.folder / 'broker.log').write_text('')
            node.kill_broker()
            if secret:
                node.overrides['cluster.secret_file'] = secret
            node.start_broker(ready=False)
            node.broker_says(refused)
            check('registered with' not in (node.folder / 'broker.log').read_text(), 'a stranger was registered')
        node.kill_broker()
        node.overrides['cluster.secret_file'] = right
        node.start_broker()
        check_equal(node.cli('consume', 'games', '--offset', 'earliest', '--exit-at-end').stdout, 'goal\n',
                    'what was there')


@case
def a_careful_broker_trusts_no_stranger():
    """A coordinator without the secret is none for a broker that has one."""
    with SecretNode() as node:
        node.coordinator.kill()
        node.coordinator_settings.pop('cluster.secret_file')
        node.start_coordinator()
        node.broker_says(r'do not know the same secret')


@case
def what_is_open_needs_a_secret():
    """Off the loopback, programs without a usable secret do not start, and say why."""
    with Node() as node:
        loose = make_secret(node.folder, 'loose', 0o644)
        short = make_secret(node.folder, 'short')
        short.write_bytes(b'short')
        for name, program, values in (
                ('coordinator', COORDINATOR, {'listen': f'0.0.0.0:{free_port()}', 'data.directory': node.folder / 'c'}),
                ('broker', BROKER, {'coordinator.address': '10.255.255.1:9090', 'data.directory': node.folder / 'b',
                                    'kafka.listen': f'127.0.0.1:{free_port()}'})):
            for secret, sentence in ((None, 'give all of them the same cluster.secret_file'),
                                     (loose, 'chmod 600'), (short, '16 to 1024 bytes'),
                                     (node.folder / 'nowhere', 'No such file')):
                given = {**values, **({'cluster.secret_file': secret} if secret else {})}
                process = Process([program, *settings_arguments(given)], node.folder / f'{name}-refused.log')
                check_equal(process.child.wait(20), 2, f'exit code of a {name} with {secret}')
                check(sentence in process.tail(1), f'"{sentence}" in {process.tail(1)}')


@case
def the_coordinator_has_no_other_door():
    """Nobody listens for TCP, and datagrams that make no sense change nothing."""
    with SecretNode() as node:
        host, port = node.coordinator_address.rsplit(':', 1)
        with socket.socket() as stream:
            check(stream.connect_ex((host, int(port))) != 0, 'the coordinator takes TCP connections')
        with socket.socket(type=socket.SOCK_DGRAM) as datagram:
            for size in (0, 1, 16, 1200, 1200, 60000):
                datagram.sendto(os.urandom(size), (host, int(port)))
        node.cli('topic', 'create', 'games')
        check(node.coordinator.is_running(), 'the coordinator still runs')


@case
def a_coordinator_that_was_killed_is_found_again():
    """After kill -9 and a new start the broker registers again, soon, and topics can be made."""
    with SecretNode() as node:
        for round_number in range(3):
            node.coordinator.kill()
            node.start_coordinator()
            node.cli('topic', 'create', f'games-{round_number}', '--timeout', '20s')
        registered = (node.folder / 'broker.log').read_text().count('registered with')
        check_equal(registered, 4, 'registrations')


if __name__ == '__main__':
    run_cases()
