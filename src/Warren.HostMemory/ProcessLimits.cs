using System.Globalization;

namespace Warren.HostMemory;

/// <summary>The resource limits that can refuse this process address space (getrlimit(2)), as /proc/self/limits has them.</summary>
public static class ProcessLimits
{
    /// <summary>RLIMIT_AS, <c>ulimit -v</c>, in bytes; null for none.</summary>
    public static long? AddressSpace => Find("Max address space");

    /// <summary>RLIMIT_DATA, <c>ulimit -d</c>, in bytes; null for none. Private writable mappings count.</summary>
    public static long? Data => Find("Max data size");

    /// <summary>Why a reservation of that many bytes was refused, and what would help; the error number is what mmap(2) said.</summary>
    internal static string Explain(ulong bytes, int error)
    {
        const string less = "or give the guest less memory";
        if (AddressSpace is { } space && (ulong)space < bytes + Status("VmSize:"))
            return $"`ulimit -v` allows this process {space >> 20} MiB of it; raise that (ulimit -v unlimited), {less}.";
        if (Data is { } data && (ulong)data < bytes + Status("VmData:"))
            return $"`ulimit -d` allows this process {data >> 20} MiB of data; raise that (ulimit -d unlimited), {less}.";
        return Read("/proc/sys/vm/overcommit_memory").Trim() == "2"
            ? $"it does not overcommit memory; set vm.overcommit_memory to 0, {less}."
            : $"errno {error}; {less}, or create the pool with fewer bytes.";
    }

    private static long? Find(string name)
    {
        var line = Read("/proc/self/limits").Split('\n').FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        var words = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words is [var soft, ..] && long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
            : null;
    }

    private static ulong Status(string name)
    {
        var line = Read("/proc/self/status").Split('\n').FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal)) ?? "";
        return ulong.TryParse(string.Concat(line.Where(char.IsAsciiDigit)), NumberStyles.None, CultureInfo.InvariantCulture,
            out var kilobytes) ? kilobytes << 10 : 0;
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
