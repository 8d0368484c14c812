# Appended to botocore/loaders.py when it is frozen: the data compiled into the executable
# comes after what a user keeps on disk (~/.aws/models), where the package's own data would.
import marshal

import frozen_data


class Loader(Loader):
    """Looks into the executable for what is not on disk."""

    def load_data_with_path(self, name):
        try:
            return super().load_data_with_path(name)
        except DataNotFoundError:
            if name not in frozen_data.MODULES:
                raise
        key = ("frozen", name)  # loaded once, as botocore's own cache would have it
        if key not in self._cache:
            module = __import__("frozen_data." + frozen_data.MODULES[name], fromlist=["DATA"])
            self._cache[key] = marshal.loads(module.DATA)
        return self._cache[key], self.BUILTIN_DATA_PATH + "/" + name

    def list_available_services(self, type_name):
        suffix = "/" + type_name
        found = {name.split("/")[0] for name in frozen_data.MODULES if name.endswith(suffix)}
        return sorted(found.union(super().list_available_services(type_name)))

    def list_api_versions(self, service_name, type_name):
        try:
            found = set(super().list_api_versions(service_name, type_name))
        except DataNotFoundError:
            found = set()
        for name in frozen_data.MODULES:
            service, _, rest = name.partition("/")
            if service == service_name and rest.endswith("/" + type_name):
                found.add(rest.partition("/")[0])
        if not found:
            raise DataNotFoundError(data_path=service_name)
        return sorted(found)
