"""A port in a few lines of Python that is honest but for one thing at one moment.

    python process_liar.py MOMENT LIE [TAKES...]

The moment comes in scenarios with a param that is called "lie": `begin`, `step` (the
first one), `read` (after it), `steps`, or `last`, after the last answer of the check.
It knows nothing of the suite: the protocol, binary64, and Adagrad.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time

CLAIMS = ["binary64", "eps", "state", "many-steps", "closure"]
NEVER = 600


def numbers(tensor):
    bits = "".join(tensor["bits"])
    return list(struct.unpack(f">{len(bits) // 16}d", bytes.fromhex(bits)))


def text(values):
    return struct.pack(f">{len(values)}d", *values).hex()


def tensor(name, values):
    return {"format": "binary64", "shape": port.shapes[name], "bits": text(values)}


class Port:
    """Params, and one optimizer over all of them."""

    def begin(self, tensors):
        self.params = {name: numbers(raw) for name, raw in tensors.items()}
        self.shapes = {name: raw["shape"] for name, raw in tensors.items()}
        self.gradients = dict.fromkeys(self.params)

    def new(self, groups, options):
        lr, eps = (numbers({"bits": options[k]["bits"]})[0] for k in ("lr", "eps"))
        self.lr, self.eps = lr, eps
        members = [name for group in groups for name in group["params"]]
        self.sums = {name: [0.0] * len(self.params[name]) for name in members}
        self.t = dict.fromkeys(members, 0)

    def step(self, gradients):
        for name, raw in gradients.items():
            self.gradients[name] = numbers(raw)
        for name, total in self.sums.items():
            theta, gradient = self.params[name], self.gradients[name]
            if gradient is None:
                continue
            self.t[name] += 1
            for i, g in enumerate(gradient):
                total[i] += g * g
                theta[i] -= self.lr * (g / (total[i] ** 0.5 + self.eps))

    def read(self):
        shown = {}
        for name, total in self.sums.items():
            theta, t = tensor(name, self.params[name]), self.t[name]
            shown[name] = {"theta": theta, "sum": tensor(name, total), "t": t}
        return shown

    def steps(self, cycle, count):
        trace = {n: {"theta": "", "sum": "", "t": []} for n in self.sums}
        for i in range(count):
            self.step(cycle[i % len(cycle)])
            for name, whole in trace.items():
                whole["theta"] += text(self.params[name])
                whole["sum"] += text(self.sums[name])
                whole["t"].append(self.t[name])
        return {name: {"format": "binary64", **x} for name, x in trace.items()}


port = Port()


def answer(question):
    """What belongs into `ok`."""
    match question["op"], question.get("event", {}).get("do"):
        case "start", _:
            who = {"protocol": 1, "name": "liar", "version": "1", "language": "Python"}
            return {**who, "claims": CLAIMS, "takes": sys.argv[3:]}
        case "begin", _:
            port.begin(question["tensors"])
        case "read", _:
            return {"params": port.read()}
        case _, "new":
            port.new(question["event"]["groups"], question["event"]["options"])
        case _, "step" if question["event"].get("closure"):
            said = ask(question["seq"])
            port.step(said["gradients"])
            return {"loss": said["loss"]}
        case _, "step":
            port.step(question["event"]["gradients"])
        case _, "steps":
            event = question["event"]
            return {"trace": port.steps(event["cycle"], event["count"])}
    return {}


def ask(seq, **more):
    params = {name: tensor(name, x) for name, x in port.params.items()}
    write({"seq": seq, "ask": "closure", "params": params, **more})
    return json.loads(sys.stdin.readline())["answer"]


# -- writing ---------------------------------------------------------------------------


def encoded(*messages):
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def write(*messages):
    write_bytes(encoded(*messages))


def write_bytes(data):
    while data:
        data = data[os.write(1, data) :]


def sleep():
    time.sleep(NEVER)


# -- lies ------------------------------------------------------------------------------
#
# Each is called with the number of the question and the honest answer, in place of
# writing it.  A lie that returns lets the port go on.


def raises(seq, ok):
    write({"seq": seq, "crashed": "ZeroDivisionError: division by zero"})


def says_no_memory(seq, ok):
    write({"seq": seq, "crashed": "Traceback ...\nMemoryError"})


def eats_memory(seq, ok):
    eaten = []
    while True:
        eaten.append(bytearray(1 << 24))


def faults(seq, ok):
    os.kill(os.getpid(), signal.SIGSEGV)


def is_killed(seq, ok):
    os.kill(os.getpid(), signal.SIGKILL)


def exits(seq, ok):
    os._exit(0)


def exits_3(seq, ok):
    print("something is wrong", file=sys.stderr)
    sys.exit(3)


def exits_in_an_answer(seq, ok):
    write_bytes(encoded({"seq": seq, "ok": ok})[:-4])
    os._exit(0)


def leaves_a_child(seq, ok):
    """The child holds the pipes open."""
    subprocess.Popen(["sleep", str(NEVER)])
    os._exit(3)


def closes_output(seq, ok):
    os.close(1)
    sleep()


def closes_input(seq, ok):
    os.close(0)
    write({"seq": seq, "ok": ok})
    sleep()


def hangs(seq, ok):
    sleep()


def hangs_without_ears(seq, ok):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sleep()


def half_an_answer(seq, ok):
    write_bytes(encoded({"seq": seq, "ok": ok})[:-4])
    sleep()


def drips(seq, ok):
    while True:
        write_bytes(b" ")
        time.sleep(0.01)


def garbage(seq, ok):
    write_bytes(b"Segmentation fault (not really)\n")


def blank(seq, ok):
    write_bytes(b"\n" + encoded({"seq": seq, "ok": ok}))


def talks_before(seq, ok):
    write_bytes(b"stepping...\n" + encoded({"seq": seq, "ok": ok}))


def talks_on_the_line(seq, ok):
    write_bytes(b"stepping... " + encoded({"seq": seq, "ok": ok}))


def two_on_a_line(seq, ok):
    line = encoded({"seq": seq, "ok": ok})
    write_bytes(line[:-1] + line)


def many_lines(seq, ok):
    write_bytes(json.dumps({"seq": seq, "ok": ok}, indent=1).encode() + b"\n")


def bad_utf8(seq, ok):
    write_bytes(b'{"seq": %d, "ok": {}, "note": "\xff\xfe"}\n' % seq)


def utf16(seq, ok):
    write_bytes(json.dumps({"seq": seq, "ok": ok}).encode("utf-16") + b"\n")


def nan(seq, ok):
    write_bytes(b'{"seq": %d, "ok": {"loss": NaN}}\n' % seq)


def infinity(seq, ok):
    write_bytes(b'{"seq": %d, "ok": {}, "time": -Infinity}\n' % seq)


def key_twice(seq, ok):
    write_bytes(b'{"seq": %d, "ok": {}, "ok": {}}\n' % seq)


def deep(seq, ok):
    write_bytes(b'{"seq": %d, "ok": ' % seq + b"[" * 10**6 + b"\n")


def a_list(seq, ok):
    write_bytes(b"[" + encoded({"seq": seq, "ok": ok})[:-1] + b"]\n")


def prints_without_end(seq, ok):
    while True:
        write_bytes(b"x" * (1 << 16))


def prints_lines_without_end(seq, ok):
    while True:
        write_bytes(b"still here\n" * 1000)


def answers_without_end(seq, ok):
    while True:
        write(*[{"seq": seq, "ok": ok}] * 100)


def answers_twice(seq, ok):
    write({"seq": seq, "ok": ok}, {"seq": seq, "ok": ok})


def answers_twice_slowly(seq, ok):
    write({"seq": seq, "ok": ok})
    time.sleep(0.1)
    write({"seq": seq, "ok": ok})


def answers_in_advance(seq, ok):
    write(*({"seq": seq + i, "ok": ok if i == 0 else {}} for i in range(6)))


def answers_in_advance_slowly(seq, ok):
    write({"seq": seq, "ok": ok})
    time.sleep(0.1)
    write(*({"seq": seq + i, "ok": {}} for i in range(1, 6)))


def counts_by_itself(seq, ok):
    write({"seq": seq + 1000, "ok": ok})


def no_number(seq, ok):
    write({"ok": ok})


def number_as_text(seq, ok):
    write({"seq": str(seq), "ok": ok})


def number_as_fraction(seq, ok):
    write({"seq": float(seq), "ok": ok})


def no_outcome(seq, ok):
    write({"seq": seq})


def two_outcomes(seq, ok):
    write({"seq": seq, "ok": ok, "crashed": "a little"})


def ok_and_refused(seq, ok):
    write({"seq": seq, "ok": ok, "refused": "perhaps"})


def ok_is_true(seq, ok):
    write({"seq": seq, "ok": True})


def ok_is_null(seq, ok):
    write({"seq": seq, "ok": None})


def asks(seq, ok):
    ask(seq)


def asks_for_more(seq, ok):
    ask(seq, ask="coffee")


def says_malformed(seq, ok):
    write({"seq": seq, "malformed": "an array has dtype object"})


def refuses(seq, ok):
    write({"seq": seq, "refused": "not now"})


def another_param(seq, ok):
    write({"seq": seq, "ok": {"params": {**ok["params"], "q": ok["params"]["lie"]}}})


def no_param(seq, ok):
    write({"seq": seq, "ok": {"params": {}}})


def params_a_list(seq, ok):
    write({"seq": seq, "ok": {"params": [ok["params"]]}})


def shown(seq, ok, **parts):
    write({"seq": seq, "ok": {"params": {"lie": {**ok["params"]["lie"], **parts}}}})


def fewer_elements(seq, ok):
    whole = ok["params"]["lie"]["theta"]
    shown(seq, ok, theta={**whole, "bits": whole["bits"][16:]})


def other_shape(seq, ok):
    whole = ok["params"]["lie"]["theta"]
    shown(seq, ok, theta={**whole, "shape": [1, 2]})


def other_format(seq, ok):
    shown(seq, ok, theta={"format": "binary32", "shape": [2], "bits": "0" * 16})


def giant_counter(seq, ok):
    shown(seq, ok, t=10**4000)


def giant_shape(seq, ok):
    whole = ok["params"]["lie"]["theta"]
    shown(seq, ok, theta={**whole, "shape": [2**62, 2**62]})


def counter_below_zero(seq, ok):
    shown(seq, ok, t=-1)


def fewer_steps(seq, ok):
    whole = ok["trace"]["lie"]
    trace = {**whole, "theta": whole["theta"][32:]}
    write({"seq": seq, "ok": {"trace": {"lie": trace}}})


def no_trace(seq, ok):
    write({"seq": seq, "ok": {}})


# what is in order: the honest answer comes, in the end


def noisy(seq, ok):
    for _ in range(3000):
        os.write(2, b"x" * 9999 + b"\n" + bytes([255, 10]))
    write({"seq": seq, "ok": ok})


def noisy_without_lines(seq, ok):
    for _ in range(300):
        os.write(2, b"x" * 99_999)
    write({"seq": seq, "ok": ok})


def noisy_for_ever(seq, ok):
    """From another process, while this one goes on."""
    endless = "import os\nwhile True: os.write(2, b'noise\\n' * 1000)"
    subprocess.Popen([sys.executable, "-c", endless])
    write({"seq": seq, "ok": ok})


def no_standard_error(seq, ok):
    os.close(2)
    write({"seq": seq, "ok": ok})


def in_pieces(seq, ok):
    for byte in encoded({"seq": seq, "ok": ok}):
        write_bytes(bytes([byte]))


def a_huge_note(seq, ok):
    write({"seq": seq, "ok": ok, "note": "x" * 10**6})


# lies after the last answer


def then(what):
    """The honest answer, and then something else."""

    def lie(seq, ok):
        write({"seq": seq, "ok": ok})
        what(seq, ok)

    return lie


def last_words(seq, ok):
    write({"seq": seq, "ok": ok})
    write({"seq": seq + 1, "crashed": "the licence has expired"})
    os._exit(3)


def a_tail(seq, ok):
    write_bytes(encoded({"seq": seq, "ok": ok}) + b"done")


def moment(question):
    """The word for the moment that has come, in a scenario with the param `lie`."""
    global reads
    event = question.get("event", {})
    if question["op"] == "begin":
        reads = 0
    if "lie" not in getattr(port, "params", {}):
        return ""
    if question["op"] == "read":
        reads += 1
        return {2: "read", 3: "last"}.get(reads, "")
    if question["op"] == "event":
        return event["do"] if reads == 1 else ""
    return question["op"]


reads = 0


def main():
    when, name = sys.argv[1:3]
    lie = then(globals()[name[5:]]) if name.startswith("then_") else globals()[name]
    while line := sys.stdin.readline():
        question = json.loads(line)
        ok = answer(question)
        if when == moment(question):
            lie(question["seq"], ok)
        else:
            write({"seq": question["seq"], "ok": ok})
        if question["op"] == "stop":
            break


if __name__ == "__main__":
    main()
