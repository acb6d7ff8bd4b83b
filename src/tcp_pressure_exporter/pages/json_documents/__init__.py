"""The JSON documents of a running exporter and of one look: their keys are an interface.

Code that turns what verdict/ chose into lists, dicts, words and finite numbers may live here; text
from outside is escaped last. Choosing and wording may not. docs/status-page.md and docs/report.md
describe the documents, and docs/status.schema.json checks the first.
"""
