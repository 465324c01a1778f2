"""Known vulnerabilities of what is installed: ``make audit``.

``pip-audit`` asks the advisory service. Where that cannot be reached, or does not know the packages, this says so and fails nobody: what was
not looked at is neither safe nor unsafe.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Audit:
    """What came of it: the ``lines`` to show, and the exit code (1 only for a vulnerability that is known)."""

    lines: tuple[str, ...]
    code: int


def judged(output: str, complaint: str = "") -> Audit:
    """Read the JSON that pip-audit printed; ``complaint`` is what it said besides."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, LookupError, TypeError):
        reason = (complaint.strip().splitlines() or ["no reason was given"])[-1]
        return Audit((f"audit: the advisory service cannot be reached, so nothing was looked at ({reason[:200]})",), 0)
    known = [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found.get('fix_versions', [])) or 'no version yet'}"
        for package in packages
        for found in package.get("vulns", [])
    ]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    looked = len(packages) - len(unknown)
    last = f"audit: {len(known)} known vulnerabilities in {looked} of {len(packages)} packages"
    if unknown:
        last += f"; the service does not know the other {len(unknown)}, so they were not looked at"
    return Audit((*known, last), 1 if known else 0)


def main() -> None:
    """Audit the environment of this interpreter."""
    if importlib.util.find_spec("pip_audit") is None:
        words = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pip-audit"]
        subprocess.run(words, check=False, stderr=subprocess.DEVNULL)
    words = [sys.executable, "-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300)
        audit = judged(done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        audit = judged("", "no answer within 300 s")
    print("\n".join(audit.lines))
    sys.exit(audit.code)


if __name__ == "__main__":
    main()
