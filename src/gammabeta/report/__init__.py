"""The report of a run: one HTML file with everything worth looking at, drawn from the files of its folder."""
