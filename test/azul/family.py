"""Children with streams of their own, a grandchild, and augmented streams of the file itself."""

from azul_runner import BinaryPlugin, DataLabel, Job, State, cmdline_run


class AzulPluginFamily(BinaryPlugin):
    """Takes "family NAME NAME…" apart."""

    VERSION = "1"
    CONTACT = "lazuli"

    def execute(self, job: Job):
        file = job.get_data()
        if file.read(6) != b"family":
            return State.Label.OPT_OUT
        file.seek(7)
        for name in file.read().split():
            child = self.add_child_with_data({"action": "extracted", "name": name.decode()}, b"child " + name)
            child.add_text("about " + name.decode())
            child.add_child_with_data({"action": "found in the child"}, b"grandchild " + name)
        self.add_text("what the family says", "english")
        self.add_data(DataLabel.REPORT, {}, b'{"members": 3}')


if __name__ == "__main__":
    cmdline_run(plugin=AzulPluginFamily)
