#!/usr/bin/env python3
"""Puts source files together into fewer units, so that their headers and templates are compiled once for many of them.

Usage: cmake/unity.py ROOT FOLDER FILE…   writes FOLDER/<n>.cc, each including some of the FILEs; prints their paths
Two files share no unit if one gives a name that ends with its file (in an anonymous namespace, static, constexpr or a
macro) to something and the other names anything by it: so nobody who writes a file has to think of its neighbours.
ROOT is the repository: units name files relative to ROOT/src, so that every clone has the same ones.
"""

import os
import pathlib
import re
import sys

LINES_MAX = 3000  # of one unit
FILES_MAX = 16

# Comments, literals and directives: what is no token of a declaration. Each begins with a character that is rare elsewhere.
NO_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)'(?:\\.|[^'\\\n])+'|\#(?:\\\n|[^\n])*""", re.DOTALL)
MACRO = re.compile(r"#\s*define\s+(\w+)")
TOKEN = re.compile(r"\w+|::|->|[^\w\s]")
NAME = re.compile(r"[A-Za-z_]\w*$")


def tokens_of(text):
    """(tokens, macros): what is left of the text without comments, literals and directives."""
    return TOKEN.findall(NO_CODE.sub(" ", text)), set(MACRO.findall(text))


def without_template_arguments(tokens):
    kept, depth = [], 0
    for token in tokens:
        if token == "<":
            depth += 1
        elif token == ">":
            depth -= 1
        elif depth == 0:
            kept.append(token)
    return kept


def declared(head, is_anonymous):
    """The name that a declaration at namespace scope gives to its file alone, or None; `head` are its tokens up to `{` or `;`."""
    if head[0].startswith("MATCHER"):
        return head[2]
    if head[0] in ("TEST", "TEST_F", "TEST_P"):
        return f"{head[2]}_{head[4]}_Test"  # the class that the macro declares
    if head[0].startswith(("INSTANTIATE_", "TYPED_TEST", "static_assert")):
        return None
    head = [token for token in without_template_arguments(head) if token != "final"]
    end = next((index for index, token in enumerate(head) if token in ("(", "=", "[", ":")), len(head))
    if end == 0 or not NAME.match(head[end - 1]) or "::" in head[end - 2 : end - 1]:
        return None
    is_function = head[end : end + 1] == ["("]
    is_local = is_anonymous or "static" in head[:3] or "constexpr" in head[:3] or ("const" in head[:3] and not is_function)
    return head[end - 1] if is_local else None


def local_names(tokens):
    """Names that mean something in this file alone."""
    names, scopes, head, index = set(), [], [], 0
    while index < len(tokens):
        token = tokens[index]
        if token not in ("{", ";", "}"):
            head.append(token)
            index += 1
            continue
        if token == "{" and "namespace" in head[:2]:
            scopes.append(head[-1] == "namespace")
        elif token == "}":
            if scopes:
                scopes.pop()
        elif head and head[0] != "namespace":
            names.add(declared(head, any(scopes)))
            depth = 1 if token == "{" else 0  # nothing in a body is of namespace scope
            while depth > 0 and index + 1 < len(tokens):
                index += 1
                depth += {"{": 1, "}": -1}.get(tokens[index], 0)
        head = []
        index += 1
    return names - {None}


def mentioned(tokens):
    """Every name that is not a member of something named with it."""
    return {token for before, token in zip([""] + tokens, tokens) if before not in (".", "->", "::") and NAME.match(token)}


class Source:
    def __init__(self, path):
        text = path.read_text(encoding="utf-8")
        tokens, macros = tokens_of(text)
        self.path = path
        self.lines = text.count("\n")
        self.local = local_names(tokens) | macros
        self.mentioned = mentioned(tokens) | self.local

    def clashes(self, other):
        return not self.local.isdisjoint(other.mentioned) or not other.local.isdisjoint(self.mentioned)


def grouped(sources):
    """Each source goes to the first unit that has room for it and no clash with it."""
    units = []
    for source in sources:
        for unit in units:
            has_room = len(unit) < FILES_MAX and sum(other.lines for other in unit) + source.lines <= LINES_MAX
            if has_room and not any(source.clashes(other) for other in unit):
                unit.append(source)
                break
        else:
            units.append([source])
    return units


def main(root, folder, files):
    src, folder = pathlib.Path(root, "src"), pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    units = grouped([Source(pathlib.Path(file)) for file in files])
    paths = [folder / f"{number}.cc" for number in range(len(units))]
    for stale in set(folder.glob("*.cc")) - set(paths):
        stale.unlink()
    for path, unit in zip(paths, units):
        text = "".join(f'#include "{os.path.relpath(source.path, src)}"\n' for source in unit)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    print(";".join(map(str, paths)), end="")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
