"""A reader of Delta's log that is nobody's library: it takes the entries one by one as they appear, as a stream that follows the table does."""
import json
import pathlib
import re


class LocalFolder:
    def __init__(self, location):
        self.folder = pathlib.Path(location, "_delta_log")

    def read(self, name):
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self):
        return sorted(p.name for p in self.folder.glob("*.json"))


class S3Folder:
    def __init__(self, location, s3):
        self.bucket, key = re.fullmatch(r"s3://([^/]+)/(.*)", location).groups()
        self.prefix, self.client = key + "/_delta_log/", s3.client()

    def read(self, name):
        try:
            return self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)["Body"].read()
        except self.client.exceptions.NoSuchKey:
            return None

    def names(self):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        return sorted(name for p in pages for o in p.get("Contents", []) if (name := o["Key"].removeprefix(self.prefix)).endswith(".json"))


def entry_name(version):
    return f"{version:020}.json"


class Follower:
    """What it finds wrong is in `wrong`; `commits` are (sequence, commit id) in the order of the log, `files` the logical files at its end."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.entries, self.commits, self.files, self.wrong = [], [], {}, []

    def poll(self):
        """Takes all that has come since the last time."""
        while True:
            version = len(self.entries)
            text = self.folder.read(entry_name(version))
            if text is None:
                # Later entries may not be there before this one is: who looked in between asks again.
                later = [n for n in self.folder.names() if n > entry_name(version)]
                text = self.folder.read(entry_name(version)) if later else None
                if text is None:
                    if later:
                        self.wrong.append(f"{self.name}: version {version} is not there, but {later} are")
                    return
            self.entries.append(text)
            self._apply(version, [json.loads(line) for line in text.splitlines()])

    def _apply(self, version, actions):
        where = f"{self.name}, version {version}"
        [info] = [a["commitInfo"] for a in actions if "commitInfo" in a]
        tags = info.get("tags") or {}
        sequence = int(tags.get("tarn.sequence", -1))
        if self.commits and sequence <= self.commits[-1][0]:
            self.wrong.append(f"{where}: commit {sequence} after commit {self.commits[-1][0]}")
        self.commits.append((sequence, tags.get("tarn.commit-id", "")))
        vector = lambda a: json.dumps(a.get("deletionVector"), sort_keys=True)
        for a in (a["remove"] for a in actions if "remove" in a):
            if self.files.pop(a["path"], None) != vector(a):
                self.wrong.append(f"{where}: removes {a['path']}, which is not there like that")
        for a in (a["add"] for a in actions if "add" in a):
            if a["path"] in self.files:
                self.wrong.append(f"{where}: adds {a['path']} a second time")
            self.files[a["path"]] = vector(a)

    def check_again(self):
        """What was read once stands as it was."""
        for version, text in enumerate(self.entries):
            now = self.folder.read(entry_name(version))
            if now is not None and now != text:
                self.wrong.append(f"{self.name}: version {version} was written again")
