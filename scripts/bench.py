"""Measures two programs side by side; called by bench.sh, which says where they are."""

import os, re, statistics, subprocess, time
from pathlib import Path

RUNS, WORK = int(os.environ["RUNS"]), Path(os.environ["WORK"])
SEALEAF, SOPS = os.environ["SEALEAF"], os.environ["SOPS"]
PART = os.environ.get("BENCH", "")
KEY = WORK / "keys.txt"
ENV = {"PATH": os.environ["PATH"], "HOME": str(WORK), "SEALEAF_IDENTITY_FILE": str(KEY), "SOPS_AGE_KEY_FILE": str(KEY)}
FORMATS, SIZES = ("yaml", "json"), (10, 1_000, 10_000, 100_000)
FILES = 1_000
# Milliseconds; such a run is not repeated.
LONG = 20_000
PAGE, PLOT = Path("docs/benchmarks.md"), Path("docs/benchmarks.svg")


def sops(*arguments):
    return [SOPS, "--disable-version-check", *map(str, arguments)]


def sealeaf(*arguments):
    return [SEALEAF, *map(str, arguments)]


def output(command, cwd=WORK, stdin=None):
    return subprocess.run(command, env=ENV, cwd=cwd, check=True, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def generate(path, leaves, first=0):
    """Services with ten values each; in YAML every fifth has a comment."""
    value = lambda leaf: f"not-a-real-secret-{leaf:08}"
    services = range(first // 10, (first + leaves) // 10)
    if path.suffix == ".json":
        keys = lambda service: ",\n".join(f'    "key{key}": "{value(10 * service + key)}"' for key in range(10))
        path.write_text("{\n" + ",\n".join(f'  "service{service}": {{\n{keys(service)}\n  }}' for service in services) + "\n}\n")
        return
    comment = lambda leaf: "  # rotated in March" if leaf % 5 == 0 else ""
    keys = lambda service: "".join(f"  key{key}: {value(10 * service + key)}{comment(10 * service + key)}\n" for key in range(10))
    path.write_text("".join(f"service{service}:\n{keys(service)}" for service in services))


def once(command, cwd=WORK, stdin=None):
    """Milliseconds of the whole process, and of the processor in user mode."""
    source = subprocess.PIPE if stdin is not None else subprocess.DEVNULL
    begin = time.perf_counter()
    child = subprocess.Popen(command, env=ENV, cwd=cwd, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if stdin is not None:
        child.stdin.write(stdin)
        child.stdin.close()
    _, status, used = os.wait4(child.pid, 0)
    wall = 1000 * (time.perf_counter() - begin)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return wall, 1000 * used.ru_utime


def peak(command, stdin=None):
    """MiB at most. GNU time starts it: what Python starts counts Python's own memory."""
    report = WORK / "time.txt"
    output(["/usr/bin/time", "--format=%M", f"--output={report}", *command], stdin=stdin)
    return int(report.read_text().split()[-1]) / 1024


def pair(runs, mine, other, between=lambda: None):
    """Medians of wall and user time of both programs, which take turns; what comes first is not counted, but where it took LONG."""
    times, long = ([], []), set()
    for turn in range(runs + 1):
        for which, command in enumerate((mine, other)):
            if which in long:
                continue
            between()
            result = once(*command)
            if result[0] > LONG:
                long.add(which)
            if turn > 0 or which in long:
                times[which].append(result)
    return [[statistics.median(column) for column in zip(*results)] for results in times]


def runs_for(leaves):
    return RUNS if leaves <= 1_000 else max(3, RUNS // 2) if leaves <= 10_000 else max(3, RUNS // 4)


def row(name, mine, other, memory):
    (wall, user), (their_wall, their_user), (space, their_space) = mine, other, memory
    cells = [f"{wall:,.1f}", f"{their_wall:,.1f}", f"**{their_wall / wall:.1f}**", f"{user:,.1f}", f"{their_user:,.1f}"]
    cells += [f"{space:,.1f}", f"{their_space:,.1f}", f"{space / their_space:.2f}"]
    return f"| {name} | " + " | ".join(cells) + " |"


def single(recipient):
    """The table of single files, and wall times by (verb, format, leaves)."""
    rows, times = [], {}
    for format in FORMATS:
        for leaves in SIZES:
            plain = WORK / f"{leaves}.{format}"
            generate(plain, leaves)
            ours, theirs = WORK / f"{leaves}.ours.{format}", WORK / f"{leaves}.theirs.{format}"
            verbs = {
                "encrypt": (sealeaf("encrypt", "--to", recipient, "--output", "-", plain), sops("encrypt", "--age", recipient, plain)),
                "decrypt": (sealeaf("decrypt", ours), sops("decrypt", theirs)),
            }
            for path, command in zip((ours, theirs), verbs["encrypt"]):
                path.write_bytes(output(command))
            assert output(verbs["decrypt"][0]) == plain.read_bytes(), "what was sealed is not what is opened"
            for verb, (mine, other) in verbs.items():
                medians = pair(runs_for(leaves), (mine,), (other,))
                times[verb, format, leaves] = [wall for wall, _ in medians]
                rows.append(row(f"{verb}, {format.upper()}, {leaves:,}", *medians, (peak(mine), peak(other))))
                print(rows[-1], flush=True)
            if leaves == 10_000:
                rows.append(set_one(ours, theirs, format, leaves))
                print(rows[-1], flush=True)
    return rows, times


def set_one(ours, theirs, format, leaves):
    kept = [(path, path.read_bytes()) for path in (ours, theirs)]
    # Each run sets the value anew, in the file as it was.
    again = lambda: [path.write_bytes(text) for path, text in kept]
    mine = sealeaf("set", ours, "service1.key1"), WORK, b"another value"
    other = sops("set", theirs, '["service1"]["key1"]', '"another value"'), WORK
    medians = pair(runs_for(leaves), mine, other, again)
    again()
    memory = peak(mine[0], mine[2]), peak(other[0])
    assert b"another value" in output(sealeaf("decrypt", ours)) and b"another value" in output(sops("decrypt", theirs))
    return row(f"set one of {leaves:,}, {format.upper()}", *medians, memory)


def of_sops(recipient):
    """SOPS files of both programs, by the same command line."""
    rows = []
    face = lambda *arguments: sealeaf("sops", *arguments)
    for format in FORMATS:
        for leaves in SIZES:
            plain, sealed = WORK / f"{leaves}.{format}", WORK / f"{leaves}.sops.{format}"
            generate(plain, leaves)
            sealed.write_bytes(output(face("encrypt", "--age", recipient, plain)))
            assert output(face("decrypt", sealed)) == plain.read_bytes(), "what was sealed is not what is opened"
            for verb, words in (("encrypt", ("encrypt", "--age", recipient, plain)), ("decrypt", ("decrypt", sealed))):
                mine, other = face(*words), sops(*words)
                rows.append(row(f"{verb}, {format.upper()}, {leaves:,}", *pair(runs_for(leaves), (mine,), (other,)), (peak(mine), peak(other))))
                print(rows[-1], flush=True)
            if leaves == 10_000:
                kept = sealed.read_bytes()
                again = lambda: sealed.write_bytes(kept)
                words = ("set", sealed, '["service1"]["key1"]', '"another value"')
                mine, other = (face(*words), WORK), (sops(*words), WORK)
                rows.append(row(f"set one of {leaves:,}, {format.upper()}", *pair(runs_for(leaves), mine, other, again), (peak(mine[0]), peak(other[0]))))
                print(rows[-1], flush=True)
                again()
    return rows


def many(recipient):
    """One command over a thousand files in a repository, and a shell loop over the other program."""
    repo, loop = WORK / "repo", WORK / "loop"
    rule = f'version = 1\n\n[recipients]\nme = {{ age = "{recipient}" }}\n\n[[rule]]\nfiles = ["secrets/**"]\nto = ["me"]\n'
    for folder in (repo, loop):
        (folder / "secrets").mkdir(parents=True)
        output(["git", "init", "--quiet", "."], folder)
        (folder / ".gitignore").write_text("/out/\n")
    (repo / ".sealeaf.toml").write_text(rule)
    plain = {}
    for number in range(FILES):
        path = repo / "secrets" / f"{number:04}.yaml"
        generate(path, 10, 10 * number)
        plain[path.name] = path.read_bytes()
        (loop / "secrets" / path.name).write_bytes(plain[path.name])
    for_each = lambda command: ["sh", "-c", f'for file in secrets/*.yaml; do {command} || exit 1; done']
    base = f"'{SOPS}' --disable-version-check"
    rows = []

    def compare(name, mine, other, before=lambda: None):
        ours = []
        for _ in range(3):
            before()
            # What was written and removed is the disk's business, not that of who comes next.
            os.sync()
            ours.append(once(mine, repo))
        theirs = once(for_each(other), loop)
        (wall, user), (their_wall, their_user) = [statistics.median(column) for column in zip(*ours)], theirs
        rows.append(f"| {name} | {wall:,.0f} | {their_wall:,.0f} | **{their_wall / wall:.1f}** | {user:,.0f} | {their_user:,.0f} |")
        print(rows[-1], flush=True)

    generation = iter(range(100))

    def plain_again():
        # Fresh names for what is thrown away: ext4 is slow to reuse what was just removed.
        (repo / "secrets").rename(WORK / f"thrown{next(generation)}")
        (repo / "secrets").mkdir()
        for name, text in plain.items():
            (repo / "secrets" / name).write_bytes(text)

    def out_again():
        if (repo / "out").exists():
            (repo / "out").rename(WORK / f"thrown{next(generation)}")

    compare("encrypt in place", sealeaf("encrypt", "secrets"), f'{base} encrypt --in-place --age {recipient} "$file"', plain_again)
    compare("status", sealeaf("status"), f'{base} filestatus "$file"')
    (loop / "out").mkdir()
    compare("decrypt to a folder", sealeaf("decrypt", "--output", "out", "secrets"), f'{base} decrypt --output "out/${{file##*/}}" "$file"', out_again)
    for name, text in plain.items():
        assert (repo / "out" / "secrets" / name).read_bytes() == text, "what was sealed is not what is opened"
    rotate = f'{base} rotate --in-place "$file"'
    compare("rotate", sealeaf("rotate", "secrets"), rotate)
    return rows


def growth(times):
    """Microseconds that a further leaf costs, between one size and the next."""
    rows = []
    for verb in ("encrypt", "decrypt"):
        for format in FORMATS:
            for which, program in enumerate(("sealeaf", "sops")):
                walls = [times[verb, format, leaves][which] for leaves in SIZES]
                costs = [1000 * (b - a) / (m - n) for a, b, n, m in zip(walls, walls[1:], SIZES, SIZES[1:])]
                cells = " | ".join(f"{cost:.1f}" for cost in costs)
                rows.append(f"| {program} {verb}, {format.upper()} | {cells} | {100 * (costs[2] / costs[1] - 1):+.0f} % |")
    return rows


def plot(times):
    """Wall time over leaves, both axes logarithmic."""
    from math import log10
    left, top, width, height = 60, 20, 480, 300
    lowest, highest = 1, 100_000
    x = lambda leaves: left + width * (log10(leaves) - 1) / 4
    y = lambda wall: top + height * (1 - log10(max(wall, lowest) / lowest) / log10(highest / lowest))
    parts = []
    for power, label in enumerate(("1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s")):
        at = y(10**power)
        parts += [f'<path class="grid" d="M{left} {at:.1f}h{width}"/>', f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{label}</text>']
    for power in range(1, 6):
        at = x(10**power)
        parts += [f'<path class="grid" d="M{at:.1f} {top}v{height}"/>', f'<text x="{at:.1f}" y="{top + height + 18}" text-anchor="middle">{10**power:,}</text>']
    parts.append(f'<text x="{left + width / 2}" y="{top + height + 38}" text-anchor="middle">values in a YAML file</text>')
    for verb, dash in (("encrypt", ""), ("decrypt", ' stroke-dasharray="6 4"')):
        for which, program in enumerate(("sealeaf", "sops")):
            points = [(x(leaves), y(times[verb, "yaml", leaves][which])) for leaves in SIZES]
            line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
            parts.append(f'<polyline class="{program}" points="{line}"{dash}/>')
            parts += [f'<circle class="{program}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in points]
            # Two lines may end close to each other: the label of the slower one stands above its end, the other below.
            last = {name: times[name, "yaml", SIZES[-1]][which] for name in ("encrypt", "decrypt")}
            shift = -2 if last[verb] == max(last.values()) else 10
            parts.append(f'<text class="{program}" x="{left + width + 6}" y="{points[-1][1] + shift:.1f}">{program} {verb}</text>')
    style = (
        "text{font:12px sans-serif;fill:#57606a;stroke:none}.grid{stroke:#8c959f;stroke-opacity:.35}polyline{fill:none;stroke-width:2}"
        ".sealeaf{stroke:#1a7f37;fill:#1a7f37}.sops{stroke:#bc4c00;fill:#bc4c00}polyline.sealeaf,polyline.sops{fill:none}"
        "text.sealeaf{fill:#1a7f37;stroke:none}text.sops{fill:#bc4c00;stroke:none}"
        "@media(prefers-color-scheme:dark){text{fill:#9198a1}.sealeaf{stroke:#3fb950;fill:#3fb950}.sops{stroke:#f0883e;fill:#f0883e}"
        "polyline.sealeaf,polyline.sops{fill:none}text.sealeaf{fill:#3fb950;stroke:none}text.sops{fill:#f0883e;stroke:none}}"
    )
    size = f'viewBox="0 0 {left + width + 110} {top + height + 50}"'
    body = "\n".join(parts)
    PLOT.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="Wall time over the number of values">\n<style>{style}</style>\n{body}\n</svg>\n')


def write(name, head, rows):
    """Puts a table between its markers."""
    columns = head.count("|") - 1
    table = "\n".join([head, "|---" * columns + "|", *rows])
    page = PAGE.read_text()
    page, found = re.subn(rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda it: it[1] + table + "\n" + it[2], page, flags=re.S)
    assert found == 1, f"docs/benchmarks.md has no place for {name}"
    PAGE.write_text(page)


def main():
    recipient = output(sealeaf("keygen", "--output", KEY)).decode().strip()
    version = output(sops("--version")).decode().split()[1]
    if PART in ("", "many"):
        write("many", f"| {FILES:,} files of 10 values | one sealeaf, ms | sops {version} in a loop, ms | times | user, ms | user, sops |", many(recipient))
    if PART in ("", "sops"):
        head = f"| values | sealeaf sops, ms | sops {version}, ms | times | user, ms | user, sops | MiB | MiB, sops | part |"
        write("sops", head, of_sops(recipient))
    if PART in ("", "files"):
        rows, times = single(recipient)
        head = f"| values | sealeaf, ms | sops {version}, ms | times | user, ms | user, sops | MiB | MiB, sops | part |"
        write("files", head, rows)
        write("growth", "| µs for one value more | 10 to 1,000 | 1,000 to 10,000 | 10,000 to 100,000 | last two |", growth(times))
        plot(times)


main()
