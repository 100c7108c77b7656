"""Random templates with values for them: most render, some raise. Everything comes from the generator that is passed in,
so that a seed is a set of cases. Kinds of expressions are mixed on purpose, now and then."""
import json
import random

WORDS = ["a", "b", "Hello", " x ", "it's", 'say "hi"', "été", "😀 ok", "tab\tin", "line\nbreak", "", "42", "3.5", "-7", "0x1F", "UPPER",
         "mixed Case words here", "<b>&amp;</b>", "{{ x }}", "a,b,,c", "ß", "中文字", "\\n", "_x", "<|im_start|>", "  ", "\n\n", "None",
         "aXbXc", "  lead and trail \t", "aaaa", " \u2003 wide ", "x=1; y=2", "\u00a0nbsp\u00a0", "e\u0301", "ǆ", "١٢"]
KEYS = ["role", "content", "name", "10", "2", "type", "items", "keys", "a b", "x", "_y", "parameters", "properties", "é", "get"]
NUMBERS = ["0", "1", "2", "3", "-1", "7", "10", "255", "1000000", "9007199254740993", "12345678901234567890", "-3", "21.0", "0.1", "2.5",
           "-0.0", "1e16", "1e-5", "1.5e300", "123456.789", "0.5", "3.14159", "100.0", "-7.25", "1e22"]
NAMES = ["s", "t", "n", "f", "flag", "nothing", "xs", "ys", "d", "e", "messages", "tools", "missing", "words"]

FILTERS_TEXT = ["upper", "lower", "capitalize", "title", "trim", "trim('x ')", "string", "replace('a', 'bb')", "replace('', '-')",
                "replace('x', '', 1)", "indent", "indent(2)", "indent(2, true)", "indent('> ', blank=true)", "truncate(5)", "truncate(9, true)",
                "truncate(6, false, '~', 0)", "wordcount", "urlencode", "center(9)", "escape", "e", "safe", "striptags", "length", "count",
                "list", "first", "last", "reverse", "int", "float", "int(5)", "int(0, 16)", "default('z')", "d('z', true)", "tojson",
                "batch(2)|list", "join('-')", "wordwrap(7)", "wordwrap(5, false)", "format('q')", "forceescape", "unique|list", "sort|join", "pprint", "safe|trim", "escape|list",
                "title|trim", "items|list"]
FILTERS_LIST = ["length", "first", "last", "join", "join(', ')", "join('-', attribute='name')", "list", "reverse|list", "sort", "sort(reverse=true)",
                "sort(attribute='name')", "unique|list", "min", "max", "sum", "sum(start=10)", "map('upper')|list", "map('string')|join",
                "map(attribute='role')|list", "map(attribute='name', default='?')|list", "select|list", "reject|list", "select('string')|list",
                "reject('none')|list", "selectattr('role')|list", "selectattr('role', 'equalto', 'user')|list", "rejectattr('name', 'defined')|list",
                "selectattr('role', 'in', ['user', 'tool'])|map(attribute='content')|list", "select('odd')|list", "select('gt', 1)|list",
                "batch(2)|list", "batch(3, 0)|list", "slice(2)|list", "slice(3, 'f')|list", "groupby('role')", "groupby('role')|map('first')|list",
                "tojson", "tojson(indent=2)", "tojson(separators=(',', ':'))", "tojson(ensure_ascii=true)", "string", "default([])", "map('length')|list",
                "map('int')|sum", "map('tojson')|join", "map('trim')|list", "first|default('none')", "count", "list|length", "groupby('name', default='zz')|list",
                "sort(attribute='role,name')", "map('default', 'x')|list", "pprint", "map('pprint')|list", "map('replace', 'a', 'b')|list", "select('mapping')|list", "dictsort"]
FILTERS_DICT = ["length", "list", "items|list", "dictsort", "dictsort(true)", "dictsort(false, 'value')", "dictsort(reverse=true)", "tojson",
                "tojson(indent=4)", "tojson(sort_keys=true)", "tojson(2)", "string", "first", "last", "join(',')", "map('upper')|list", "default({})", "pprint",
                "count", "sort", "xmlattr", "urlencode", "list|first", "items|first", "attr('keys')", "attr('role')", "tojson(indent=0)", "tojson(indent='\t')"]
FILTERS_NUMBER = ["abs", "int", "float", "round", "round(1)", "round(2, 'floor')", "round(0, 'ceil')", "round(-1)", "string", "filesizeformat",
                  "filesizeformat(true)", "default(1)", "tojson", "upper", "length", "sum", "float|round|int", "center(6)", "join", "first"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "callable", "true",
         "false", "odd", "even", "lower", "upper", "divisibleby 3", "divisibleby(2)", "eq 1", "ne 'a'", "in [1, 'a', none]", "equalto('a')", "gt 2",
         "lessthan(5)", "ge 1", "sameas none", "sameas true", "sameas(false)", "escaped", "filter", "test", "== 1", "!= 2"]
METHODS_TEXT = ["upper()", "lower()", "strip()", "strip('x')", "lstrip()", "rstrip('\\n')", "split()", "split(',')", "split(' ', 1)", "split(none, 1)",
                "rsplit(',', 1)", "rsplit(none, 1)", "rsplit(none, 2)", "rsplit()", "split(none, 0)", "rsplit(none, 0)", "rsplit('a')", "rsplit('aa', 1)", "splitlines()", "splitlines(true)", "startswith('a')", "startswith(('a', 'H'))", "endswith('x')",
                "find('a')", "rfind('a')", "index('a')", "count('a')", "count('')", "replace('a', 'é')", "replace('a', 'b', 1)", "title()", "capitalize()",
                "swapcase()", "center(7, '*')", "ljust(5)", "rjust(5, '0')", "zfill(4)", "isdigit()", "isalpha()", "isalnum()", "isspace()", "isupper()",
                "islower()", "istitle()", "isdecimal()", "isascii()", "isidentifier()", "isprintable()", "partition(' ')", "rpartition('a')", "removeprefix('a')", "removesuffix('x')",
                "join(['p', 'q'])", "join(xs)", "format(1, 'b')", "expandtabs(4)", "split('')", "split('a')[0]", "split('a')[-1]", "split(sep=',')",
                "find('b', 1)", "find('x', -3, 9)", "startswith('b', 1)", "strip(none)", "encode", "nope()", "casefold()", "split(',', maxsplit=1)"]
METHODS_LIST = ["index(1)", "count(1)", "count('a')", "copy()", "append(1)", "pop()", "extend([1])", "nope", "index('zz')"]
METHODS_DICT = ["items()", "keys()", "values()", "get('role')", "get('zz')", "get('zz', 'dflt')", "items()|list", "keys()|list", "values()|list",
                "copy()", "pop('role')", "update({})", "keys", "items", "role", "content", "x", "_y", "nope", "get(10)", "items()|first", "keys()|sort"]
FORMATS = ["'%s' % {0}", "'%d|%5d|%-5d|%05d' % (n, n, n, n)", "'%.2f' % f", "'%r' % ({0},)", "'%s-%s' % (s, n)", "'%5s|%-5s|' % (s, t)", "'%x %o %X' % (255, 8, 255)",
           "'%(a)s' % {{'a': {0}}}", "'%e %g' % (f, f)", "'{{}} {{}}'.format(s, n)", "'{{0!r:>8}}'.format(s)", "'{{:05d}}'.format(n)", "'{{:,}}'.format(n)",
           "'{{:.3f}}'.format(f)", "'{{:>6}}|{{:<6}}|{{:^6}}'.format('ab', 'cd', 'ef')", "'{{a}}'.format(a={0})", "'{{0[role]}}'.format(d)", "'{{:x}}'.format(n)",
           "'{{:+d}} {{:e}}'.format(n, f)", "'%c%c' % ('a', 98)", "'%5.1f%%' % f", "'{{:*^9}}'.format(s)", "'%+d' % n", "'% d' % n", "'%i' % f", "'%s' % xs", "'%s %s' % xs"]


class Cases:
    def __init__(self, rng: random.Random):
        self.rng = rng

    def pick(self, items):
        return self.rng.choice(items)

    def chance(self, probability):
        return self.rng.random() < probability

    # -- values, as JSON text

    def json_value(self, depth=2):
        kind = self.rng.randrange(8 if depth > 0 else 5)
        if kind <= 1:
            return json.dumps(self.pick(WORDS), ensure_ascii=self.chance(0.3))
        if kind <= 3:
            return self.pick(NUMBERS)
        if kind == 4:
            return self.pick(["true", "false", "null"])
        if kind <= 6:
            return "[" + ", ".join(self.json_value(depth - 1) for _ in range(self.rng.randrange(4))) + "]"
        return self.json_object(depth)

    def json_object(self, depth=2, keys=None):
        chosen = keys or self.rng.sample(KEYS, self.rng.randrange(5))
        return "{" + ", ".join(f"{json.dumps(key)}: {self.json_value(depth - 1)}" for key in chosen) + "}"

    def message(self):
        parts = [f'"role": {json.dumps(self.pick(["user", "assistant", "system", "tool"]))}']
        if self.chance(0.9):
            parts.append(f'"content": {json.dumps(self.pick(WORDS))}')
        if self.chance(0.3):
            parts.append(f'"name": {json.dumps(self.pick(WORDS))}')
        if self.chance(0.3):
            parts.append(f'"tool_calls": [{{"function": {{"name": "f", "arguments": {self.json_object()}}}}}]')
        return "{" + ", ".join(parts) + "}"

    def variables(self):
        """The variables' JSON texts, by name."""
        strings = [json.dumps(self.pick(WORDS)) for _ in range(5)]
        return {
            "s": strings[0], "t": strings[1],
            "n": self.pick(["0", "1", "5", "-7", "42", "1000000", "12345678901234567890", "3"]),
            "f": self.pick(["0.5", "21.0", "-2.25", "1e16", "3.14159", "-0.0", "123456.789"]),
            "flag": self.pick(["true", "false"]), "nothing": "null",
            "xs": "[" + ", ".join(self.pick(["1", "2", "3", '"a"', '"b"', '"a"', "null", "1.0", "true", "[1]"]) for _ in range(self.rng.randrange(5))) + "]",
            "ys": "[" + ", ".join(str(self.rng.randrange(-3, 9)) for _ in range(self.rng.randrange(1, 6))) + "]",
            "words": "[" + ", ".join(json.dumps(self.pick(WORDS)) for _ in range(self.rng.randrange(1, 5))) + "]",
            "d": self.json_object(2), "e": self.json_object(2, ["role", "content", "x"]),
            "messages": "[" + ", ".join(self.message() for _ in range(self.rng.randrange(1, 5))) + "]",
            "tools": self.pick(["null", '[{"type": "function", "function": {"name": "f", "parameters": ' + self.json_object(3) + "}}]"]),
        }

    # -- expressions

    def expression(self, kind="any", depth=3):
        if kind == "any" or self.chance(0.03):
            kind = self.pick(["text", "text", "number", "flag", "list", "dict", "list"])
        if depth <= 0:
            return self.leaf(kind)
        return getattr(self, kind)(depth - 1)

    def literal_text(self):
        word = self.pick(WORDS).replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
        quote = "'" if "'" not in word else '"'
        return quote + word.replace(quote, "\\" + quote) + quote

    def leaf(self, kind):
        if kind == "text":
            return self.pick(["s", "t", "messages[0].content", "messages[-1]['role']", "words[0]", self.literal_text(), self.literal_text(), "missing"])
        if kind == "number":
            return self.pick(["n", "f", "ys[0]", "1", "2", "-3", "0", "7", "2.5", "10", "1_000", "0x1f", "1e3", "xs|length", "3.0"])
        if kind == "flag":
            return self.pick(["flag", "true", "False", "none", "not flag", "s", "xs", "missing", "nothing"])
        if kind == "list":
            return self.pick(["xs", "ys", "words", "messages", "[]", "[1, 2, 3]", "['b', 'a']", "(1, 'x')", "()", "range(4)", "range(1, 8, 3)", "[n, s, f]", "(s,)", "[[1, 2], [3]]"])
        return self.pick(["d", "e", "messages[0]", "{}", "{'a': 1, 'b': [2]}", "{1: 'x', true: 'y', 1.0: 'z'}", "{s: n}", "{'role': 'user', 'x': none}"])

    def text(self, depth):
        sub = lambda kind="text": self.expression(kind, depth)
        choice = self.rng.randrange(14)
        if choice <= 1:
            return self.leaf("text")
        if choice == 2:
            return f"{sub()} + {sub()}"
        if choice == 3:
            return f"{sub()} ~ {sub('any')}"
        if choice <= 5:
            return f"({sub()})|{self.pick(FILTERS_TEXT)}"
        if choice <= 7:
            return f"({sub()}).{self.pick(METHODS_TEXT)}"
        if choice == 8:
            return f"({sub()})[{self.slice(depth)}]"
        if choice == 9:
            return f"({sub('any')})|string"
        if choice == 10:
            return f"({sub('list')})|join({self.literal_text()})"
        if choice == 11:
            return f"({sub()} if {sub('flag')} else {sub()})"
        if choice == 12:
            return "(" + self.pick(FORMATS).format(self.leaf(self.pick(["text", "number", "list", "dict"]))) + ")"
        return f"({sub()}) * {self.pick(['2', '0', '-1', 'n', '3'])}" if self.chance(0.5) else f"({sub('any')})|tojson"

    def slice(self, depth):
        bound = lambda: self.pick(["", "1", "-1", "2", "-2", "0", "n", "100", "none"])
        return self.pick([f"{bound()}:{bound()}", f"{bound()}:{bound()}:{self.pick(['', '2', '-1', '-2', '0'])}", "0", "-1", "1", "n", "'x'", "99", "1.0", "true"])

    def number(self, depth):
        sub = lambda kind="number": self.expression(kind, depth)
        choice = self.rng.randrange(10)
        if choice <= 1:
            return self.leaf("number")
        if choice <= 4:
            return f"({sub()} {self.pick(['+', '-', '*', '/', '//', '%'])} {sub()})"
        if choice == 5:
            return f"{sub()} ** {self.pick(['2', '0', '3', '-1', '0.5'])}"
        if choice == 6:
            return f"({sub()})|{self.pick(FILTERS_NUMBER)}"
        if choice == 7:
            return f"({sub(self.pick(['list', 'text', 'dict']))})|length"
        if choice == 8:
            return f"-{sub()}"
        return f"({sub()} if {sub('flag')})" if self.chance(0.3) else f"({sub('text')})|int"

    def flag(self, depth):
        sub = lambda kind="any": self.expression(kind, depth)
        choice = self.rng.randrange(11)
        if choice == 0:
            return self.leaf("flag")
        if choice == 1:
            return f"not {sub('flag')}"
        if choice == 2:
            return f"({sub('flag')} {self.pick(['and', 'or'])} {sub()})"
        if choice <= 4:
            return f"({sub()}) is {self.pick(['', '', 'not '])}{self.pick(TESTS)}"
        if choice == 5:
            return f"{sub()} {self.pick(['==', '!='])} {sub()}"
        if choice <= 7:
            kind = self.pick(["number", "number", "text", "list"])
            return f"{sub(kind)} {self.pick(['<', '<=', '>', '>=', '=='])} {sub(kind)}"
        if choice == 8:
            return f"{sub('number')} {self.pick(['<', '<='])} {sub('number')} {self.pick(['<', '>=', '==', '!='])} {sub('number')}"
        if choice == 9:
            return f"{sub('text')} {self.pick(['in', 'not in'])} {sub(self.pick(['text', 'list', 'dict']))}"
        return f"{sub()} {self.pick(['in', 'not in'])} {sub('list')}"

    def list(self, depth):
        sub = lambda kind="list": self.expression(kind, depth)
        choice = self.rng.randrange(12)
        if choice <= 1:
            return self.leaf("list")
        if choice == 2:
            return f"({sub()})[{self.slice(depth)}]"
        if choice <= 6:
            return f"({sub()})|{self.pick(FILTERS_LIST)}"
        if choice == 7:
            return f"[{', '.join(sub('any') for _ in range(self.rng.randrange(4)))}]"
        if choice == 8:
            return f"({sub()} + {sub()})"
        if choice == 9:
            return f"({sub('text')}).split({self.pick(['', self.literal_text()])})"
        if choice == 10:
            return f"({sub()}).{self.pick(METHODS_LIST)}"
        return f"({sub('dict')})|{self.pick(['list', 'items|list', 'dictsort'])}" if self.chance(0.6) else f"({sub()} * {self.pick(['2', '0', 'n'])})"

    def dict(self, depth):
        sub = lambda kind="dict": self.expression(kind, depth)
        choice = self.rng.randrange(8)
        if choice <= 1:
            return self.leaf("dict")
        if choice == 2:
            return f"({sub()})|{self.pick(FILTERS_DICT)}"
        if choice <= 4:
            return f"({sub()}).{self.pick(METHODS_DICT)}"
        if choice == 5:
            return f"({sub()})[{self.pick([self.literal_text(), repr(self.pick(KEYS)), 's', '1', 'n'])}]"
        if choice == 6:
            return "dict(" + self.pick(["a=1", "d, x=s", "[(1, 2), ('a', n)]", "e", "d.items()", "**e", ""]) + ")"
        return "{" + ", ".join(f"{self.leaf(self.pick(['text', 'number']))}: {sub('any')}" for _ in range(self.rng.randrange(3))) + "}"

    # -- statements

    def tag(self, body):
        left, right = self.pick(["", "", "-", "+"]), self.pick(["", "", "-", "+"])
        return f"{{%{left} {body} {right}%}}"

    def print(self, expression):
        left, right = self.pick(["", "", "-"]), self.pick(["", "", "-"])
        return f"{{{{{left} {expression} {right}}}}}"

    def data(self):
        return self.pick(["", " ", "\n", "\n  ", "x", " y\n", "\t", "  \n\n", "end", "\r\n", "{# c #}", "{#- c -#}\n", "\n{# c\n#}\n", "{% raw %}{{ r }}{% endraw %}",
                          "  {%- raw -%} a {%+ endraw %}\n", "é", "{# c +#}\n"])

    def body(self, depth, loop=False):
        return "".join(self.data() + self.statement(depth - 1, loop) for _ in range(self.rng.randrange(1, 3))) + self.data()

    def target(self):
        return self.pick(["a", "b", "s", "c", "ns.x", "ns.y", "a", "b"])

    def printed(self, loop):
        if self.chance(0.35):
            options = ["a", "b", "c", "item", "ns.x", "ns.y", "caller is defined", "m(1)", "m(s, b=2)", "m()", "a is defined", "kwargs", "varargs"]
            if loop:
                options += ["loop.index", "loop.index0", "loop.first", "loop.last", "loop.length", "loop.revindex", "loop.previtem", "loop.nextitem is defined",
                            "loop.cycle('p', 'q')", "loop.changed(item)", "loop.depth", "loop.revindex0", "item", "loop", "loop.index % 2 == 0", "loop.nope"]
            return self.pick(options)
        return self.expression(depth=2)

    def statement(self, depth, loop=False):
        if depth <= 0 or self.chance(0.3):
            return self.print(self.printed(loop))
        choice = self.rng.randrange(13)
        tag, body = self.tag, self.body
        if choice <= 2:
            parts = [tag(f"if {self.expression('flag', 2)}"), body(depth, loop)]
            if self.chance(0.3):
                parts += [tag(f"elif {self.expression('flag', 2)}"), body(depth, loop)]
            if self.chance(0.5):
                parts += [tag("else"), body(depth, loop)]
            return "".join(parts) + tag("endif")
        if choice <= 5:
            kind = self.rng.randrange(5)
            target, items = "item", self.expression("list", 1)
            if kind == 0:
                target, items = self.pick(["k, v", "(k, v)", "item, b"]), self.pick(["d.items()", "e|items", "e|dictsort", "[(1, 2), (3, 4)]", "xs"])
            elif kind == 1:
                items = self.pick(["messages", "messages[1:]", "messages|selectattr('role', 'eq', 'user')", "d", "s", "range(3)", "xs|reverse", "missing"])
            test = f" if {self.pick(['item', 'item is defined', 'not loop.first', 'item != 1', 'flag', 'item is string'])}" if self.chance(0.25) else ""
            recursive = " recursive" if self.chance(0.1) else ""
            inner = body(depth, True)
            if recursive:
                inner += "{{ loop([1]) if loop.depth < 3 }}"
            if self.chance(0.15):
                inner += tag("if loop.index == 2") + tag(self.pick(["break", "continue"])) + tag("endif")
            otherwise = tag("else") + body(depth, loop) if self.chance(0.25) else ""
            return tag(f"for {target} in {items}{test}{recursive}") + inner + otherwise + tag("endfor")
        if choice <= 7:
            if self.chance(0.25):
                return tag(f"set {self.pick(['a', 'b', 'c'])}{self.pick(['', '|upper', '|trim|length'])}") + body(depth, loop) + tag("endset")
            if self.chance(0.2):
                return tag(f"set a, b = {self.pick(['1, 2', 's, t', '(n, xs)', 'ys', 'b, a'])}")
            return tag(f"set {self.target()} = {self.expression(depth=2)}")
        if choice == 8:
            signature = self.pick(["", "a", "a, b=1", "a, b=a", "item='i', c=none", "a, caller=none"])
            extra = self.pick(["", "{{ caller() }}", "{{ varargs }}", "{{ kwargs }}", "{{ caller(1) if caller else 'no' }}", "{{ s }}"])
            return tag(f"macro m({signature})") + body(depth) + extra + tag("endmacro")
        if choice == 9:
            return tag(self.pick(["call m()", "call(a) m(1)", "call m(s)", "call(a, b=2) m()"])) + body(depth) + tag("endcall")
        if choice == 10:
            return tag(f"filter {self.pick(['upper', 'trim', 'replace(s, t)', 'indent(2)', 'trim|length', 'list|join(1)'])}") + body(depth, loop) + tag("endfilter")
        if choice == 11:
            return tag(f"with {self.pick(['a = 1', 'a = s, b = a', 'c = xs', ''])}") + body(depth, loop) + tag("endwith")
        return tag(self.pick([f"print {self.expression(depth=1)}", "set ns = namespace(x=1, y=s)", "set ns.x = ns.x + 1", "generation"])) if self.chance(0.8) else tag("set ns = namespace(d)")

    def template(self):
        if self.chance(0.45):
            return self.print(self.expression(depth=self.pick([1, 2, 2, 3])))
        start = "{% set ns = namespace(x=0, y='') %}" if self.chance(0.8) else ""
        macro = "{%- macro m(a=0, b='') %}[{{ a }}|{{ b }}]{% endmacro %}\n" if self.chance(0.6) else ""
        return start + macro + self.body(3)
