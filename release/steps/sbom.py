"""List all that is linked in, from the very pins that the build obeys, as CycloneDX."""

from __future__ import annotations

import datetime
import re
import tomllib
import uuid
from collections.abc import Iterator
from functools import cache

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from release.record import ROOT, Refused, Release, write


def run(release: Release) -> None:
    """Do the step."""
    project = release.project
    purl = f"pkg:github/{project['repository']}@{release.metadata['tag']}"
    program = Component(
        type=ComponentType.APPLICATION,
        bom_ref=purl,
        name=release.name,
        version=release.version,
        purl=PackageURL.from_string(purl),
        licenses=[LicenseFactory().make_from_string(project["license"])],
    )
    bom = Bom(components=linked(), serial_number=uuid.uuid5(uuid.NAMESPACE_URL, release.version))
    bom.metadata.component = program
    bom.metadata.timestamp = datetime.datetime.fromisoformat(release.metadata["date"])
    by_name = {component.name: component for component in bom.components}
    inside = {name: facts.get("inside") for name, facts in facts_of_linked().items()}
    bom.register_dependency(program, [by_name[name] for name in by_name if not inside[name]])
    for name, component in by_name.items():
        bom.register_dependency(
            component, [by_name[inner] for inner, outer in inside.items() if outer == name]
        )
    text = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    release.add(write(release.dist / f"{release.name}.cdx.json", text), "SBOM")


def linked() -> Iterator[Component]:
    """Yield what is linked in: the sources, what they bring, and the packages of PyPI."""
    pins = tomllib.loads((ROOT / "build/pins.toml").read_text())
    for name, version in pins["use"].items():
        yield component(name, version, "generic", pins[name][version]["sha256"])
    for name, facts in facts_of_linked().items():
        if "inside" in facts:
            yield component(name, facts["version"], "generic", [])
    requirements = (ROOT / "build/requirements/program.txt").read_text().replace("\\\n", " ")
    for name, version, sums in re.findall(r"(?m)^([\w.-]+)==(\S+)(.*)$", requirements):
        yield component(name, version, "pypi", re.findall(r"sha256:(\w+)", sums))
    (zig,) = re.findall(r"ziglang==([\w.]+)", (ROOT / "build/requirements/zig.txt").read_text())
    yield component("ziglang", zig, "pypi", [], "The C compiler; its runtime is linked in.")


def component(
    name: str, version: str, kind: str, sums: list[str], description: str | None = None
) -> Component:
    """Return one entry of the bill of materials, with the identifiers that scanners match."""
    facts = facts_of_linked().get(name)
    if facts is None:
        raise Refused(f"packaging/linked.toml does not name {name}, which is linked in")
    purl = PackageURL(kind, None, name, version)
    return Component(
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        name=name,
        version=version,
        description=description,
        purl=purl,
        cpe=f"cpe:2.3:a:{facts['cpe']}:{version}:*:*:*:*:*:*:*" if "cpe" in facts else None,
        licenses=[LicenseFactory().make_from_string(facts["license"])],
        # Of several, which one it was is known to the build alone.
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sums[0])] if len(sums) == 1 else (),
    )


@cache
def facts_of_linked() -> dict[str, dict[str, str]]:
    """Return what packaging/linked.toml says, by name."""
    return tomllib.loads((ROOT / "packaging/linked.toml").read_text())
