using System.Text;
using System.Text.Json;

namespace Warren.Locking;

/// <summary>A class in a <see cref="LockGraph"/>.</summary>
/// <param name="Name">With the subclass.</param>
/// <param name="Kind">spinlock, rwlock, mutex, rwsem, srcu, seqcount or map; empty for one known only beforehand.</param>
/// <param name="Context">The wait that taking it needs.</param>
/// <param name="HolderContext">The longest wait it allows its holder.</param>
/// <param name="MayNestIn">Declared outer classes.</param>
public sealed record LockGraphClass(string Name, string Kind, WaitContext Context, WaitContext HolderContext,
    IReadOnlyList<string> MayNestIn);

/// <summary>
/// A dependency in a <see cref="LockGraph"/>: <paramref name="To"/> was taken, or waited for, while <paramref name="From"/> was held.
/// </summary>
/// <param name="From">Index into <see cref="LockGraph.Classes"/>.</param>
/// <param name="To">Index into <see cref="LockGraph.Classes"/>.</param>
/// <param name="Kinds">All that were seen.</param>
/// <param name="IsDirect">Some chain had nothing between the two.</param>
/// <param name="IsViolating">It closed a circle, or no declaration allows it.</param>
/// <param name="Chains">Distinct chains that contain it; 0 for one known only beforehand.</param>
/// <param name="Holder">The call that held, and where.</param>
/// <param name="Waiter">The call that waited, and where.</param>
public sealed record LockGraphEdge(int From, int To, DependencyKinds Kinds, bool IsDirect, bool IsViolating, int Chains, string Holder,
    string Waiter);

/// <summary>The classes that a validator has seen and the order between them: a snapshot.</summary>
public sealed class LockGraph
{
    internal LockGraph(IReadOnlyList<LockGraphClass> classes, IReadOnlyList<LockGraphEdge> edges, int chains,
        IReadOnlyList<LockReport> reports)
    {
        Classes = classes;
        Edges = edges;
        ChainCount = chains;
        Reports = reports;
    }

    /// <summary>Those that were taken, waited for, or known beforehand.</summary>
    public IReadOnlyList<LockGraphClass> Classes { get; }

    /// <summary>In the order they were found.</summary>
    public IReadOnlyList<LockGraphEdge> Edges { get; }

    /// <summary>Distinct stacks of held classes.</summary>
    public int ChainCount { get; }

    public IReadOnlyList<LockReport> Reports { get; }

    /// <summary>The graph of the validator that is installed in this process.</summary>
    /// <exception cref="InvalidOperationException">None is.</exception>
    public static LockGraph Capture() => Check.Hook is LockValidator validator
        ? validator.Graph
        : throw new InvalidOperationException(
            "No lock validator is installed in this process: set the AppContext switch Warren.Check before the first lock is used and "
                + "call LockValidator.Install.");

    public string ToJson()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("chains", ChainCount);
            writer.WriteStartArray("classes");
            foreach (var c in Classes)
            {
                writer.WriteStartObject();
                writer.WriteString("name", c.Name);
                writer.WriteString("kind", c.Kind);
                writer.WriteString("context", c.Context.ToString());
                writer.WriteString("holderContext", c.HolderContext.ToString());
                writer.WriteStartArray("mayNestIn");
                foreach (var outer in c.MayNestIn)
                    writer.WriteStringValue(outer);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartArray("edges");
            foreach (var e in Edges)
            {
                writer.WriteStartObject();
                writer.WriteString("from", Classes[e.From].Name);
                writer.WriteString("to", Classes[e.To].Name);
                writer.WriteString("kinds", e.Kinds.ToString());
                writer.WriteBoolean("direct", e.IsDirect);
                writer.WriteBoolean("violating", e.IsViolating);
                writer.WriteNumber("chains", e.Chains);
                writer.WriteString("holder", e.Holder);
                writer.WriteString("waiter", e.Waiter);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartArray("reports");
            foreach (var report in Reports)
                report.WriteTo(writer);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    /// <summary>A self-contained drawing: outer classes above, inner below; coloured by how one waits; violations red.</summary>
    public string ToSvg() => LockGraphSvg.Draw(this);
}

public sealed partial class LockValidator
{
    /// <summary>The order learnt so far.</summary>
    public LockGraph Graph
    {
        get
        {
            lock (_lock)
            {
                var index = new Dictionary<LockClass, int>();
                var classes = new List<LockGraphClass>();
                foreach (var c in _graph.Classes.OrderBy(c => c.Id))
                {
                    index.Add(c, classes.Count);
                    classes.Add(
                        new LockGraphClass(c.Name, _graph.KindName(c) ?? "", c.Context, c.HolderContext,
                            [.. c.MayNestIn.Select(o => o.Name)]));
                }

                var edges =
                    _graph.Dependencies.Select(d =>
                        new LockGraphEdge(index[d.From], index[d.To], d.Kinds, d.IsDirect, d.IsViolating, d.Chains,
                    $"{d.Sightings[0].Holder} at {d.Sightings[0].HolderSite.Where}",
                    $"{d.Sightings[0].Waiter} at {d.Sightings[0].WaiterSite.Where}")).ToArray();
                return new LockGraph(classes, edges, _chains.Count, _reports.ToArray());
            }
        }
    }
}
