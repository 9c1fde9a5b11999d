"""The tables and figures of Xian, Ji & Zhao, ICLR 2022: what was published, and how to run it."""
