"""A cluster whose nodes are hosts of their own. Hosts are network namespaces, which only root makes."""
import contextlib
import os
import secrets
import sys
from pathlib import Path

from replicas import Cluster

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'net'))
from network import Host, living_on, need_namespaces  # noqa: E402


class Apart(Cluster):
    """A cluster whose nodes are hosts at one switch, beside the clients' host, which is this process's meanwhile."""

    def __init__(self):
        need_namespaces()
        super().__init__(settings={'shards.count': '1'})
        self.stack = contextlib.ExitStack()
        self.clients = Host(f'penstock-{os.getpid()}-clients', '10.77.0.1')
        self.hosts = [Host(f'penstock-{os.getpid()}-broker{n}', f'10.77.0.{10 + n}') for n in range(len(self.nodes))]
        self.coordinator_host = Host(f'penstock-{os.getpid()}-coordinator', '10.77.0.2')
        self.beside = []   # hosts at the switch that are none of these

    def __enter__(self):
        try:
            self.wire_up()
            self.stack.enter_context(living_on(self.clients))
            first = self.nodes[0]
            secret = first.folder / 'secret'
            secret.touch(mode=0o600)
            secret.write_bytes(secrets.token_bytes(32))
            first.coordinator_address = f'{self.coordinator_host.address}:9090'
            first.coordinator_within = self.coordinator_host.command()
            first.coordinator_settings['cluster.secret_file'] = secret
            for node, host in zip(self.nodes, self.hosts):
                node.host, node.address, node.within = host.address, f'{host.address}:9092', host.command()
                node.settings['cluster.secret_file'] = secret
            return super().__enter__()
        except BaseException:
            self.stack.close()
            raise

    def __exit__(self, *ended):
        super().__exit__(*ended)
        self.stack.close()

    def wire_up(self):
        at_switch = (self.coordinator_host, *self.hosts, *self.beside)
        for host in (self.clients, *at_switch):
            self.stack.callback(host.remove)
            host.create()
        self.clients.run('ip', 'link', 'add', 'switch', 'type', 'bridge')
        self.clients.run('ip', 'address', 'add', '10.77.0.1/24', 'dev', 'switch')
        self.clients.run('ip', 'link', 'set', 'switch', 'up')
        for number, host in enumerate(at_switch):
            self.clients.run('ip', 'link', 'add', f'port{number}', 'type', 'veth', 'peer', 'name', 'wire',
                             'netns', host.name)
            self.clients.run('ip', 'link', 'set', f'port{number}', 'master', 'switch', 'up')
            host.run('ip', 'address', 'add', f'{host.address}/24', 'dev', 'wire')
            host.run('ip', 'link', 'set', 'wire', 'up')

    @contextlib.contextmanager
    def deaf(self, *ways):
        """Each way is (who, from whom): nothing arrives there while the block runs."""
        try:
            for who, whom in ways:
                who.run('nft', '-f', '-', text=f'''
                    table inet cut {{
                        chain input {{
                            type filter hook input priority 0;
                            ip saddr {whom.address} drop
                        }}
                    }}''')
            yield
        finally:
            for who in {who for who, _ in ways}:
                who.run('nft', 'delete', 'table', 'inet', 'cut')
