"""The steps of a release, in their order.

Each makes its own kind of file from those before it, and writes them into the release's list.
"""

from release.steps import (
    archive,
    build,
    check,
    checksum,
    formula,
    modulefiles,
    notes,
    packages,
    publish,
    sbom,
    scoop,
    sign,
    verify,
)

STEPS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        check,
        build,
        archive,
        packages,
        modulefiles,
        sbom,
        checksum,
        sign,
        formula,
        scoop,
        notes,
        verify,
        publish,
    )
}
SNAPSHOT = [name for name in STEPS if name not in ("sign", "publish")]
"""Those that need no key and no network: what anyone can run."""
