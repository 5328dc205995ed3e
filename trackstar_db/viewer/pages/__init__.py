"""The viewer's pages: a module each, from what an address asks for to HTML. None of them holds SQL."""
