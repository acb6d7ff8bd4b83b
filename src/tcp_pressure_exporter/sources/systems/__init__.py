"""For each system, which sources serve it: composed here, inherited nowhere.

Here may live the choice of sources and why one is missing. What a source does is in its own folder.
"""
