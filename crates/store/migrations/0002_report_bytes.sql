-- Reports were kept as JSON and are kept in a form of their own, which is shorter and cheaper to read. Those that are here
-- are made anew: the server looks for images without one when it starts, `plimsoll scan` makes its own. What hangs on
-- them is deleted by name, whether or not this connection follows foreign keys.

DELETE FROM report_packages;
DELETE FROM report_findings;
DELETE FROM reports;
ALTER TABLE reports RENAME COLUMN json TO report;
