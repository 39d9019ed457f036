"""Tests of figures; a package, because a paper's pictures and its method are tested in files of one name."""
