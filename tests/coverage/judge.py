"""judge.py EXPORT ACCEPTED: lines and branches of src by file; fails below the bounds.

What ACCEPTED names (see there) counts as missed in the table, but not against the bounds.
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

BRANCHES = 98.0


def lines_of(export):
    """The count of each line of each file, as llvm-cov itself shows it: the largest of what starts on it and what
    goes on from the line before."""
    lines, branches = defaultdict(dict), defaultdict(lambda: defaultdict(int))
    for file in export["data"][0]["files"]:
        name = Path(file["filename"]).resolve()
        if not name.is_relative_to(Path("src").resolve()):
            continue
        name = str(name.relative_to(Path.cwd()))
        segments = file["segments"]
        wrapped = None
        at = 0
        for line in range(1, len(Path(name).read_text().splitlines()) + 1):
            here = []
            while at < len(segments) and segments[at][0] == line:
                here.append(segments[at])
                at += 1
            # [line, column, count, has a count, starts a region, is a gap]
            starts = [s for s in here if s[3] and s[4] and not s[5]]
            begins_skipped = bool(here) and not here[0][3] and here[0][4]
            if not begins_skipped and ((wrapped and wrapped[3]) or starts):
                counts = [s[2] for s in starts]
                if wrapped and wrapped[3]:
                    counts.append(wrapped[2])
                lines[name][line] = max(counts)
            if here:
                wrapped = here[-1]
        # A generic function has its branches once for each type: taken by one is taken.
        for branch in file["branches"]:
            place = tuple(branch[:4])
            branches[name][place, True] += branch[4]
            branches[name][place, False] += branch[5]
    return lines, branches


def inside(source, line):
    """The text of a line, and the first line of the function that it stands in."""
    start = line
    while start > 1 and not re.match(r" *(pub(\(\w+\))? )?(const )?fn ", source[start - 1]):
        start -= 1
    return {source[line - 1].strip(), source[start - 1].strip()}


def main(export, accepted):
    lines, branches = lines_of(json.loads(Path(export).read_text()))
    known = {}
    for row in Path(accepted).read_text().splitlines():
        if row and not row.startswith("#"):
            file, text, _reason = (part.strip() for part in row.split(" | ", 2))
            known[file, text] = False
    failed = False

    def is_accepted(name, source, line):
        names = {(name, text) for text in inside(source, line)} & known.keys()
        known.update(dict.fromkeys(names, True))
        return bool(names)

    print(f"{'file':30} {'lines':>6} {'missed':>6} {'branches':>9} {'missed':>6}")
    total, accepted_branches = [0, 0, 0, 0], 0
    for name in sorted(lines):
        source = Path(name).read_text().splitlines()
        missed = [line for line, count in lines[name].items() if count == 0]
        untaken = [place for place, count in branches[name].items() if count == 0]
        row = [len(lines[name]), len(missed), len(branches[name]), len(untaken)]
        total = [a + b for a, b in zip(total, row)]
        print(f"{name:30} {row[0]:6} {row[1]:6} {row[2]:9} {row[3]:6}")
        for line in missed:
            if not is_accepted(name, source, line):
                failed = True
                print(f"    not reached: {name}:{line}: {source[line - 1].strip()}")
        for (line, column, _, _), outcome in sorted(untaken):
            if is_accepted(name, source, line):
                accepted_branches += 1
            else:
                print(f"    never {str(outcome).lower()}: {name}:{line}:{column}: {source[line - 1].strip()}")
    for (file, text), used in known.items():
        if not used:
            failed = True
            print(f"    reached, but in the list of what is not: {file}: {text}")
    print(f"{'all':30} {total[0]:6} {total[1]:6} {total[2]:9} {total[3]:6}")
    share = 100 * (1 - (total[3] - accepted_branches) / total[2])
    print(f"{100 * (1 - total[1] / total[0]):.2f} % of the lines, {100 * (1 - total[3] / total[2]):.2f} % of the "
          f"branches; with what is accepted {'not ' if failed else ''}all lines and {share:.2f} % of the branches")
    if share < BRANCHES:
        failed = True
        print(f"fewer than {BRANCHES} % of the branches")
    sys.exit(failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
