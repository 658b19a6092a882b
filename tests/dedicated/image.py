"""The disks of a guest: Debian with the kernel, the libraries and DPDK's drivers, made once and kept; and the programs
of this build, made for every run."""
import datetime
import functools
import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness import Failure, Skip, run

# What a server has: a kernel with vfio and NVMe, and what tools/bind, mkfs and modprobe need. DPDK's drivers are
# plug-ins, which no program is linked with.
PACKAGES = ['linux-image-amd64', 'iproute2', 'iputils-ping', 'e2fsprogs', 'kmod', 'python3',
            'librte-meta-net', 'librte-meta-bus', 'librte-meta-mempool']
ROOT_BYTES, PROGRAMS_BYTES = 2 << 30, 1 << 30   # of the file systems; what is empty takes no space


@dataclass
class Image:
    """What a guest boots from."""
    folder: Path

    @property
    def root(self):
        return self.folder / 'root.img'

    @property
    def kernel(self):
        return self.folder / 'vmlinuz'

    @property
    def initrd(self):
        return self.folder / 'initrd'


def debian_release():
    """The guest's libraries must be those that the programs were built with, so it is the release that we run on."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path('/etc/os-release').read_text(), re.M))
    if release.get('ID') != 'debian' or 'VERSION_CODENAME' not in release:
        raise Skip('the guest needs the libraries of this build, and this is no release of Debian')
    return release['VERSION_CODENAME']


def library_packages(programs):
    """Which Debian packages have the libraries that these programs are linked with."""
    found = set(re.findall(r'=> (/\S+)', run('ldd', *programs).stdout.decode()))
    # Packages may say /lib where the linker finds /usr/lib, or the other way round.
    paths = sorted(found | {path.removeprefix('/usr') for path in found} | {'/usr' + path for path in found})
    owners = run('dpkg-query', '-S', *paths, check_exit=False).stdout.decode()
    return sorted(set(re.findall(r'^([^:,\s]+)(?::\w+)?: /', owners, re.M)))


def mirror():
    """Where apt gets this machine's packages; nothing leaves the choice to debootstrap."""
    done = run('apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages',
               f'Codename: {debian_release()}', check_exit=False)
    return done.stdout.decode().split()[:1]


def cache_folder():
    """Outlives the test, so nobody else may have made it."""
    folder = Path(tempfile.gettempdir()) / f'penstock-dedicated-{os.geteuid()}'
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise Failure(f'{folder} is somebody else\'s: set TMPDIR to another place')
    return folder


@functools.cache
def debian(programs):
    """The image with the libraries of these programs: that of this month, or a new one with what is new in Debian."""
    packages = sorted({*PACKAGES, *library_packages(programs)})
    month = datetime.date.today().strftime('%Y-%m')
    key = hashlib.sha256('\n'.join([debian_release(), *packages]).encode()).hexdigest()[:12]
    image = Image(cache_folder() / f'{month}-{key}')
    if not image.folder.exists():
        for old in cache_folder().iterdir():
            if not old.name.startswith(month):
                shutil.rmtree(old)
        part = Image(Path(f'{image.folder}.part'))
        shutil.rmtree(part.folder, ignore_errors=True)
        part.folder.mkdir()
        make_image(part, packages)
        part.folder.rename(image.folder)
    print(f'# Debian for the guest: {image.folder}')
    return image


def make_image(image, packages):
    root = image.folder / 'root'
    # It mounts things below the root; in a mount namespace of its own they are gone with it, however it ends.
    command = ['unshare', '--mount', 'debootstrap', '--variant=minbase', f'--include={",".join(packages)}',
               debian_release(), root, *mirror()]
    print(f'# {" ".join(map(str, command[2:]))}', flush=True)
    done = run(*command, check_exit=False, timeout=1500)
    if done.returncode != 0:
        said = (done.stderr + done.stdout).decode().strip().split('\n')[-1]
        if 'Failed getting release file' in said or "Couldn't download" in said:
            shutil.rmtree(image.folder)
            raise Skip(f'no Debian mirror is reached: {said}')
        raise Failure(f'debootstrap: {said}; see {root}/debootstrap/debootstrap.log')
    for name in ('vmlinuz', 'initrd'):
        shutil.copy(next((root / 'boot').glob(f'{name}*')), image.folder / name)
    make_filesystem(image.root, root, ROOT_BYTES)
    shutil.rmtree(root)


def make_filesystem(path, folder, size):
    """An ext4 with what is in the folder."""
    run('mke2fs', '-q', '-t', 'ext4', '-d', folder, path, f'{size >> 10}k', timeout=300)


def make_programs_disk(path, files):
    """A disk with these files of this machine under the names given."""
    with tempfile.TemporaryDirectory(prefix='penstock-programs-') as folder:
        for name, source in files.items():
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(source, 'rb') as file:
                is_program = file.read(4) == b'\x7fELF'
            if is_program:   # symbols are most of its size, and no use there
                run('strip', '-o', target, source)
            else:
                shutil.copy(source, target)
        make_filesystem(path, folder, PROGRAMS_BYTES)
