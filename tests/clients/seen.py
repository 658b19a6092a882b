"""A node for other makers' clients. With PENSTOCK_TEST_RECORD=1 they reach it through a proxy, which notes in seen.json
at which versions each client asks for which API: tools/api_table.py makes a table from that."""
import contextlib
import json
import os
import socket
import struct
import threading
from pathlib import Path

from harness import Node, free_port

SEEN = Path(__file__).resolve().parent / 'seen.json'
RECORDS = os.environ.get('PENSTOCK_TEST_RECORD') == '1'
OWN_CLIENT_ID = b'penstock-cli'


class Proxy(contextlib.AbstractContextManager):
    """Hands bytes on between clients and the broker; a connection ends when either side ends it."""

    def __init__(self, address, target):
        self.target = target
        self.asked = {}  # key of an API: its versions
        self.listener = socket.create_server(address)
        threading.Thread(target=self.accept, daemon=True).start()

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                client = self.listener.accept()[0]
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, contextlib.suppress(OSError, EOFError), socket.create_connection(self.target) as broker:
            threading.Thread(target=self.hand_back, args=(broker, client), daemon=True).start()
            while True:
                size = read_exactly(client, 4)
                frame = read_exactly(client, struct.unpack('>i', size)[0])
                self.note(frame)
                broker.sendall(size + frame)

    @staticmethod
    def hand_back(broker, client):
        with contextlib.suppress(OSError):
            while piece := broker.recv(1 << 16):
                client.sendall(piece)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def note(self, frame):
        key, version, _, id_bytes = struct.unpack_from('>hhih', frame)
        if frame[10:10 + max(0, id_bytes)] != OWN_CLIENT_ID:
            self.asked.setdefault(key, set()).add(version)


def read_exactly(connection, count):
    data = b''
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


class ClientNode(Node):
    """`bootstrap` is where the client under test connects."""

    def __init__(self, settings):
        super().__init__(settings)
        self.bootstrap = self.address
        self.proxy = None

    def __enter__(self):
        if RECORDS:
            self.bootstrap = f'127.0.0.1:{free_port()}'
            self.settings['kafka.advertised'] = self.bootstrap
            host, port = self.bootstrap.split(':')
            self.proxy = Proxy((host, int(port)), self.host_port)
        return super().__enter__()

    def __exit__(self, *error):
        if self.proxy is not None:
            self.proxy.__exit__(*error)
        super().__exit__(*error)

    def keep(self, client, version):
        """Writes down what `client` asked for."""
        if self.proxy is None:
            return
        seen = json.loads(SEEN.read_text()) if SEEN.exists() else {}
        apis = {str(key): sorted(versions) for key, versions in sorted(self.proxy.asked.items())}
        seen[client] = {'version': version, 'apis': apis}
        rows = [f' {json.dumps(name)}: {json.dumps(what)}' for name, what in sorted(seen.items())]
        SEEN.write_text('{\n' + ',\n'.join(rows) + '\n}\n')
