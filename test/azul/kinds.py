"""Every type of feature, with labels and places in the file, and info."""

import datetime

from azul_runner import FV, BinaryPlugin, Feature, FeatureType, Job, cmdline_run


class AzulPluginKinds(BinaryPlugin):
    """Makes one value of each type."""

    VERSION = "2.1"
    CONTACT = "lazuli"
    FEATURES = [
        Feature("kinds_string", desc="a string", type=FeatureType.String),
        Feature("kinds_integer", desc="an integer", type=FeatureType.Integer),
        Feature("kinds_float", desc="a float", type=FeatureType.Float),
        Feature("kinds_binary", desc="bytes", type=FeatureType.Binary),
        Feature("kinds_datetime", desc="a moment", type=FeatureType.Datetime),
        Feature("kinds_filepath", desc="a path", type=FeatureType.Filepath),
        Feature("kinds_uri", desc="an address", type=FeatureType.Uri),
    ]

    def execute(self, job: Job):
        size = len(job.get_data().read())
        self.add_feature_values("kinds_string", [FV("ünïcode <&>", label="odd", offset=0, size=size), FV("plain", offset=1)])
        self.add_feature_values("kinds_integer", {-1, 2**70})
        self.add_feature_values("kinds_float", 1.5e-300)
        self.add_feature_values("kinds_binary", b"\x00\xff")
        self.add_feature_values("kinds_datetime", datetime.datetime(1999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc))
        self.add_feature_values("kinds_filepath", "C:\\Windows\\x.exe")
        self.add_feature_values("kinds_uri", "https://example.invalid/a?b=c")
        self.add_info({"sections": [{"name": ".text", "entropy": 6.5}], "none": None})


if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginKinds)
