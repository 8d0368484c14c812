"""In the place of botocore's: the methods of a client that nobody reads about need no text."""


class LazyLoadedDocstring(str):
    def __new__(cls, *arguments, **options):
        return super().__new__(cls)


class ClientMethodDocstring(LazyLoadedDocstring):
    pass


class WaiterDocstring(LazyLoadedDocstring):
    pass


class PaginatorDocstring(LazyLoadedDocstring):
    pass
