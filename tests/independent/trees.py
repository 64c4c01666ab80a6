"""Random plain files of each format, with the spellings that people use. The same generator gives the same file."""

WORDS = "alpha beta gamma delta host port user rate list café note".split()
NOTES = ["keep this", "see above", "", " two  blanks ", "ünicode", "a: b", "- c", "[x]"]


class Tree:
    """Writes one file; `dice` is a `random.Random`."""

    def __init__(self, dice):
        self.dice = dice
        self.count = 0

    def key(self):
        """A name that no other key of the file has."""
        self.count += 1
        return f"{self.dice.choice(WORDS[:9])}{self.count}"

    def chance(self, percent):
        """True in so many of 100 throws."""
        return self.dice.random() * 100 < percent

    def words(self, most=4):
        """A few words."""
        return " ".join(self.dice.choice(WORDS) for _ in range(self.dice.randint(1, most)))

    def note(self):
        """What stands behind the marker of a comment."""
        return " " + self.dice.choice(NOTES) if self.chance(80) else ""


class Yaml(Tree):
    """Block and flow style, all kinds of scalars, anchors, aliases, tags, several documents."""

    def __init__(self, dice):
        super().__init__(dice)
        self.anchors = []

    def file(self):
        """The whole text."""
        documents = []
        for at in range(self.dice.choice([1, 1, 1, 2, 3])):
            self.anchors = []
            head = "---\n" if at or self.chance(20) else ""
            if at == 0 and self.chance(8):
                head = "%YAML 1.2\n---\n"
            documents.append(head + self.document())
        return "".join(documents)

    def document(self):
        """One root."""
        kind = self.dice.choice("mmmmmmmmlsf")
        comment = f"#{self.note()}\n" if self.chance(30) else ""
        if kind == "m":
            return comment + self.map(0)
        if kind == "l":
            return comment + self.list(0)
        return comment + (self.flow(2) if kind == "f" else self.line()) + "\n"

    def map(self, indent, depth=0):
        """A block map."""
        text = ""
        for _ in range(self.dice.randint(1, 4)):
            text += self.comment(indent)
            key = self.dice.choice([self.key(), self.key(), self.key(), f'"{self.key()} x"', f"'{self.key()}'", self.odd_key()])
            text += " " * indent + key + ":" + self.value(indent, depth)
        return text

    def odd_key(self):
        """A plain key that is no string for somebody."""
        self.count += 1
        return f"{self.count}" if self.chance(70) else f"0x{self.count}"

    def list(self, indent, depth=0):
        """A block list."""
        text = ""
        for _ in range(self.dice.randint(1, 3)):
            text += self.comment(indent) + " " * indent + "-"
            text += self.value(indent, depth)
        return text

    def comment(self, indent):
        """A comment line, sometimes, or a blank one."""
        if self.chance(8):
            return "\n"
        return " " * indent + f"#{self.note()}\n" if self.chance(15) else ""

    def value(self, indent, depth):
        """What stands behind `:` or `-`, with the end of its line."""
        kind = self.dice.choice("ssssssmmlfbbva")
        behind = f" #{self.note()}\n" if self.chance(15) else "\n"
        properties = self.properties(kind)
        inner = indent + self.dice.choice([2, 2, 4])
        if kind in "ml" and depth < 3:
            below = self.map(inner, depth + 1) if kind == "m" else self.list(inner, depth + 1)
            return properties + behind + below
        if kind == "b":
            return f"{properties} {self.block(inner, behind)}"
        if kind == "v":
            return properties + behind
        if kind == "a" and self.anchors:
            return f" *{self.dice.choice(self.anchors)}{behind}"
        if kind == "f":
            return f"{properties} {self.flow(2)}{behind}"
        if self.chance(10):
            quote = self.dice.choice(['"', "'", ""])
            text = f"{quote}{self.words()}\n{' ' * inner}{self.words()}\n\n{' ' * inner}{self.words(1)}{quote}"
            return f"{properties} {text}{behind}"
        return f"{properties} {self.line()}{behind}"

    def properties(self, kind):
        """An anchor or a tag, sometimes."""
        text = ""
        if kind != "a" and self.chance(10):
            name = f"a{len(self.anchors)}"
            text += f" &{name}"
            self.new_anchor = name
            if kind not in "ml":
                self.anchors.append(name)
        return text + (" !tag" if kind in "sb" and self.chance(5) else "")

    def line(self):
        """A scalar of one line."""
        word = self.words()
        return self.dice.choice(
            [word, word, word.split()[0], f"'{word}''s'", f'"{word}\\n\\u00e9\\t"', '""', "''", "~", "null", "Null", "true"]
            + ["False", "yes", "on", "12:30", "1_000", "0x1F", "0o17", "017", "+5", "-3", "42", "1.5", "1e3", ".inf", "-.INF"]
            + [".NaN", "2026-01-02", "2026-01-02T03:04:05Z", "a#b", "http://example.org/x?y=z", "- x".replace("- ", "-")]
        )

    def block(self, indent, behind):
        """A block scalar."""
        style = self.dice.choice("||>") + self.dice.choice(["", "", "-", "+"])
        lines = [" " * indent + self.words()]
        for _ in range(self.dice.randint(0, 3)):
            lines.append("" if self.chance(20) else " " * indent + self.dice.choice(["", "", "  "]) + self.words())
        while not lines[-1].strip():
            lines.pop()
        return style + behind + "\n".join(lines) + "\n"

    def flow(self, depth):
        """A flow collection, or a scalar in one."""
        if depth == 0 or depth < 2 and self.chance(60):
            return self.dice.choice([self.words(1), "1", '"x, y"', "'z'", "true", "null", "a b"])
        items = [self.flow(depth - 1) for _ in range(self.dice.randint(0, 3))]
        if self.chance(50):
            return "[" + ", ".join(items) + "]"
        return "{" + ", ".join(f"{self.key()}: {item}" for item in items) + "}"


class Json(Tree):
    """Several layouts, comments, trailing commas."""

    def file(self):
        """The whole text."""
        self.unit = self.dice.choice(["  ", "    ", "\t"])
        self.has_comments = self.chance(40)
        self.trailing = self.chance(15)
        return (self.comment("") if self.chance(20) else "") + self.map("", 0) + "\n"

    def comment(self, indent):
        """Comment lines, sometimes."""
        if not self.has_comments or not self.chance(25):
            return ""
        note = self.note()
        return f"{indent}//{note}\n" if self.chance(60) else f"{indent}/*{note}*/\n"

    def collection(self, brackets, items, indent):
        """One line, or a line for each item."""
        opened, closed = brackets
        if not items:
            return opened + closed
        if self.chance(25):
            return opened + ", ".join(items) + closed
        inner = indent + self.unit
        lines = ""
        for at, item in enumerate(items):
            comma = "," if at + 1 < len(items) or self.trailing else ""
            behind = " /*x*/" if self.has_comments and self.chance(10) else ""
            lines += self.comment(inner) + inner + item + comma + behind + "\n"
        return f"{opened}\n{lines}{self.comment(inner)}{indent}{closed}"

    def map(self, indent, depth):
        """An object."""
        count = self.dice.randint(1 if depth == 0 else 0, 4)
        items = [f'"{self.key()}": {self.value(indent + self.unit, depth)}' for _ in range(count)]
        return self.collection("{}", items, indent)

    def value(self, indent, depth):
        """Any value."""
        kind = self.dice.choice("ssssml")
        if kind == "m" and depth < 3:
            return self.map(indent, depth + 1)
        if kind == "l" and depth < 3:
            items = [self.value(indent + self.unit, depth + 1) for _ in range(self.dice.randint(0, 3))]
            return self.collection("[]", items, indent)
        word = self.words()
        return self.dice.choice(
            [f'"{word}"', f'"{word}"', f'"{word.split()[0]}"', '""', '"\\u0041\\/\\n"', '"\\ud83d\\ude00"', "true", "false", "null"]
            + ["0", "-0", "12", "-7", "1.50", "1e3", "1E+2", "0.1e-7", "12345678901234567890"]
        )


class Toml(Tree):
    """Tables, dotted keys, lists of tables, inline tables, every kind of string, dates."""

    def file(self):
        """The whole text."""
        text = self.entries(self.dice.randint(0, 4))
        for _ in range(self.dice.randint(0, 3)):
            name = self.key()
            text += self.dice.choice(["", "\n"]) if text else ""
            if self.chance(35):
                for at in range(self.dice.randint(1, 3)):
                    text += f"[[{name}]]{self.behind()}{self.entries(self.dice.randint(1, 3))}"
                    if self.chance(25):
                        text += f"[{name}.{self.key()}]\n{self.entries(2)}"
            else:
                text += f"[{name}]{self.behind()}{self.entries(self.dice.randint(0, 3))}"
                if self.chance(25):
                    text += f"[{name}.{self.key()}]\n{self.entries(self.dice.randint(0, 2))}"
        return text or self.entries(1)

    def behind(self):
        """The end of a line."""
        return f" #{self.note()}\n" if self.chance(15) else "\n"

    def entries(self, count):
        """Assignments."""
        text = ""
        for _ in range(count):
            text += f"#{self.note()}\n" if self.chance(12) else ""
            key = self.dice.choice([self.key(), self.key(), f'"{self.key()} x"', f"'{self.key()}'", f"{self.key()}.{self.key()}"])
            text += f"{key} = {self.value(0)}{self.behind()}"
        return text

    def value(self, depth):
        """Any value; the lines of a list are its own."""
        kind = self.dice.choice("sssssslm")
        if kind == "l" and depth < 2:
            items = [self.value(depth + 1) for _ in range(self.dice.randint(0, 3))]
            if depth == 0 and items and self.chance(40):
                return "[\n" + "".join(f"  {item},{self.behind()}" for item in items) + "]"
            return "[" + ", ".join(items) + "]"
        if kind == "m" and depth < 2:
            items = [f"{self.key()} = {self.value(2)}" for _ in range(self.dice.randint(0, 3))]
            return "{ " + ", ".join(items) + " }" if items else "{}"
        word = self.words()
        texts = [f'"{word}"', f'"{word}"', f'"{word.split()[0]}"', f"'{word}'", '""', '"\\u00e9\\n\\""']
        if depth < 2:
            texts += [f'"""\n{word}\n"""', f"'''{word}\n  {word}'''", f'"""{word} \\\n   {word}"""']
        return self.dice.choice(
            texts
            + ["true", "false", "0", "42", "-17", "+5", "0x1F", "0o17", "0b11", "1_000", "1.5", "1e3", "-inf", "nan", "6.02e+23"]
            + ["2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05.5+01:00", "07:32:00"]
        )


FORMATS = {"yaml": Yaml, "json": Json, "toml": Toml}


def plain(file_format, dice):
    """One text."""
    text = FORMATS[file_format](dice).file()
    kind = dice.random()
    if kind < 0.1:
        text = text.replace("\n", "\r\n")
    elif kind < 0.2:
        text = text.rstrip("\n")
    return ("\ufeff" if dice.random() < 0.04 else "") + text
