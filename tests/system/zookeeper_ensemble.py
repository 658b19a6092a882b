"""A ZooKeeper ensemble of the test's own, from Debian's package: three servers on ports of the loopback."""
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from harness import Failure, Process, Skip, check, free_port, wait_for

JAR = Path('/usr/share/java/zookeeper.jar')
SERVER = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
# Small and quick to start; the disk need not be waited for, since no case takes the power away.
JAVA = ['java', '-Xmx96m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dzookeeper.forceSync=no', '-cp', JAR]


class Ensemble:
    def __init__(self, tick_ms, size=3):
        if shutil.which('java') is None or not JAR.exists():
            raise Skip("java or Debian's package zookeeper is not installed")
        self.folder = Path(tempfile.mkdtemp(prefix='penstock-zookeeper-'))
        self.ports = [free_port() for _ in range(size)]
        self.servers = [None] * size
        peers = [f'server.{i}=127.0.0.1:{free_port()}:{free_port()}' for i in range(size)]
        for i, port in enumerate(self.ports):
            data = self.folder / f'data-{i}'
            data.mkdir()
            (data / 'myid').write_text(str(i))
            (self.folder / f'{i}.cfg').write_text('\n'.join([
                f'tickTime={tick_ms}', 'initLimit=20', 'syncLimit=4', 'admin.enableServer=false', 'maxClientCnxns=0',
                '4lw.commands.whitelist=*', f'dataDir={data}', 'clientPortAddress=127.0.0.1', f'clientPort={port}',
                *peers, '']))
        self.start()

    @property
    def address(self):
        return ','.join(f'127.0.0.1:{port}' for port in self.ports)

    def start(self, indexes=None):
        for i in range(len(self.ports)) if indexes is None else indexes:
            self.servers[i] = Process([*JAVA, SERVER, self.folder / f'{i}.cfg'], self.folder / f'{i}.log')
        wait_for(lambda: all(self.mode(i) for i in range(len(self.ports))), 60, 'the ZooKeeper ensemble')

    def kill(self, index):
        self.servers[index].kill()

    def kill_all(self):
        for server in self.servers:
            if server is not None:
                server.kill()

    def close(self):
        self.kill_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def mode(self, index):
        """'leader' or 'follower'; nothing while it is neither."""
        try:
            with socket.create_connection(('127.0.0.1', self.ports[index]), timeout=2) as stream:
                stream.sendall(b'srvr')
                answer = b''
                while part := stream.recv(4096):
                    answer += part
        except OSError:
            return None
        for line in answer.decode().split('\n'):
            if line.startswith('Mode: '):
                return line[len('Mode: '):]
        return None

    def leader(self):
        for i in range(len(self.ports)):
            if self.mode(i) == 'leader':
                return i
        raise Failure('the ensemble has no leader')

    def changes_of(self, node):
        """How often the node has been changed since it was made."""
        done = subprocess.run([str(word) for word in [*JAVA, 'org.apache.zookeeper.ZooKeeperMain', '-server',
                                                      self.address, 'stat', node]],
                              capture_output=True, text=True, timeout=60, check=False)
        for line in done.stdout.split('\n'):
            if line.startswith('dataVersion = '):
                return int(line[len('dataVersion = '):])
        check(False, f'no version of {node} in: {done.stdout} {done.stderr}')
        return None
