"""A plugin that gives values of every feature type that azul-runner knows, the odd ones of each type too."""

import datetime

from azul_runner import FV, BinaryPlugin, Feature, FeatureType, Job, State, cmdline_run

VALUES = {
    FeatureType.Integer: [0, -1, 2**64, FV(42, label="answer", offset=0, size=0), FV(43, offset=8, size=2)],
    FeatureType.Float: [0.1, -2.5e300, float("inf"), float("nan"), FV(1.5, label="a label with blanks, and 'quotes'")],
    FeatureType.String: [
        FV("features", label="first word", offset=0, size=8),
        "",
        "naïve ☃ 𝄞",
        "line\nbreak, tab\t, nul \0, escape \x1b[31m",
        "half a pair \ud800",
        '<b>&amp;"\u2028',
        "x" * 4000,
    ],
    FeatureType.Binary: [bytes(range(256)), b"", FV(b"\x7fELF", label="magic", offset=1, size=4)],
    FeatureType.Datetime: [
        FV(datetime.datetime(1601, 1, 1, tzinfo=datetime.timezone.utc), label="compiled"),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, datetime.timezone(datetime.timedelta(hours=10, minutes=30))),
    ],
    FeatureType.Filepath: ["C:\\Users\\a b\\evil.exe", FV("/etc/../etc/passwd", label="dropped"), "\\\\host\\share"],
    FeatureType.Uri: ["https://user:pw@example.com:8443/a?b=c#d", FV("HXXP://[not a uri", label="defanged")],
}


class AzulPluginFeatures(BinaryPlugin):
    """Values of every type."""

    VERSION = "1.0"
    CONTACT = "lazuli"
    FEATURES = [Feature(f"every_{kind.value}", desc=f"values of type {kind.value}", type=kind) for kind in FeatureType] + [
        Feature("local_time", desc="a time without a zone, which cannot stand beside one with", type=FeatureType.Datetime)
    ]

    def execute(self, job: Job):
        content = job.get_data().read()
        if not content.startswith(b"features"):
            return State(State.Label.OPT_OUT, "not_mine", "another test's file")
        for kind, values in VALUES.items():
            self.add_feature_values(f"every_{kind.value}", values)
        self.add_feature_values("local_time", datetime.datetime(2020, 2, 29, 1, 2, 3))
        self.add_info({"nested": {"list": [1, 2.5, None, True, "☃"]}, "big": 2**60, "empty": {}})
        if b"text" in content:
            self.add_text("a report, with ☃\n", language="python")


if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginFeatures)
