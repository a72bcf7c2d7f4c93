using System.Reflection;
using System.Runtime.Loader;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>Scenarios by name: those of the lab, or those of an assembly of the user's.</summary>
internal static class LabScenarios
{
    /// <param name="assembly">Path of the user's assembly, or null for the lab's scenarios.</param>
    public static IReadOnlyList<Scenario> Known(string? assembly) =>
        assembly is null ? [.. ScenarioCatalogue.Core, .. CorpusCatalogue.Scenarios, .. ScenarioCatalogue.Generated] : Load(assembly);

    /// <summary>Public, concrete subclasses of <see cref="Scenario"/> with a constructor without parameters, and what public static members
    /// of type <c>IEnumerable&lt;Scenario&gt;</c> hold.</summary>
    /// <exception cref="UserErrorException">It is no assembly, or has no scenario, or they throw.</exception>
    private static List<Scenario> Load(string path)
    {
        var full = Path.GetFullPath(path);
        if (!File.Exists(full))
        {
            throw new UserErrorException(
                $"--assembly {path} {(Directory.Exists(full) ? "is a directory" : "does not exist")}; name the .dll that 'dotnet build' "
                    + $"made");
        }
        // Pipes and devices have no length either, and opening one could wait for ever.
        if (new FileInfo(full).Length == 0)
            throw new UserErrorException($"--assembly {path} is empty or no ordinary file; name the .dll that 'dotnet build' made");
        List<Scenario> found;
        try
        {
            found = [.. new UserContext(full).LoadFromAssemblyPath(full).GetExportedTypes().SelectMany(ScenariosOf)];
        }
        catch (BadImageFormatException)
        {
            throw new UserErrorException($"--assembly {path} is not a .NET assembly; name the .dll that 'dotnet build' made");
        }
        catch (TargetInvocationException e)
        {
            var inner = e.InnerException ?? e;
            throw new UserErrorException($"The scenarios of {path} cannot be made: {inner.GetType().Name}: {FirstLine(inner.Message)}");
        }
        catch (Exception e)
            when (e is IOException or FileLoadException or TypeLoadException or MissingMemberException or ReflectionTypeLoadException)
        {
            throw new UserErrorException(
                $"--assembly {path} cannot be loaded: {FirstLine(e.Message)}; build it for .NET {Environment.Version.Major} against this "
                    + $"version of Warren.Lab");
        }

        if (found.Count == 0)
        {
            throw new UserErrorException(
                $"{path} has no scenario: make a public class that derives from Warren.Lab.Scenario, or a public static "
                    + $"IEnumerable<Scenario>");
        }
        if (found.GroupBy(s => s.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new UserErrorException($"{path} has two scenarios named '{twice.Key}'; names must be unique");
        return found;
    }

    private static IEnumerable<Scenario> ScenariosOf(Type type)
    {
        if (type.ContainsGenericParameters)
            yield break;
        if (typeof(Scenario).IsAssignableFrom(type) && !type.IsAbstract && type.GetConstructor(Type.EmptyTypes) is { } constructor)
            yield return (Scenario)constructor.Invoke(null);
        const BindingFlags Flags = BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var members = type.GetProperties(Flags).Where(p => typeof(IEnumerable<Scenario>).IsAssignableFrom(p.PropertyType) && p.CanRead)
            .Select(p => p.GetValue(null))
            .Concat(type.GetFields(Flags).Where(f => typeof(IEnumerable<Scenario>).IsAssignableFrom(f.FieldType))
                .Select(f => f.GetValue(null)));
        foreach (var scenario in members.OfType<IEnumerable<Scenario>>().SelectMany(s => s))
            yield return scenario;
    }

    private static string FirstLine(string text) => text.Split('\n')[0].TrimEnd('\r', '.');

    /// <summary>
    /// The user's dependencies beside his assembly; ours are this process's own, or his scenarios would not be our <see cref="Scenario"/>.
    /// </summary>
    private sealed class UserContext(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            if (assemblyName.Name is { } name && (name == "Warren" || name.StartsWith("Warren.", StringComparison.Ordinal))
                && Default.Assemblies.Concat(Ours()).Any(a => a.GetName().Name == name))
            {
                return null;
            }
            return _resolver.ResolveAssemblyToPath(assemblyName) is { } found ? LoadFromAssemblyPath(found) : null;
        }

        private static Assembly[] Ours() =>
            [typeof(Scenario).Assembly, typeof(Locking.Check).Assembly, typeof(HostMemory.AddressSpace).Assembly,
                typeof(Hypervisor.VirtualMachine).Assembly];
    }
}
