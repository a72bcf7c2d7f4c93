using System.Globalization;
using System.Text;

namespace Warren.Locking;

/// <summary>Draws a <see cref="LockGraph"/>.</summary>
internal static class LockGraphSvg
{
    private const int BoxHeight = 42;
    private const int RowHeight = 104;
    private const int Gap = 28;
    private const int Margin = 40;
    private const int Head = 112;

    internal static string Draw(LockGraph graph)
    {
        var layout = new LockGraphLayout(graph);
        var boxes = Place(graph, layout, out var width, out var height);
        var svg = new StringBuilder();
        Add(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\"");
        svg.Append(" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n");
        svg.Append("<style>text{fill:#1f2328}.s{fill:#57606a;font-size:11px}.e{fill:none;stroke:#8c959f;stroke-width:1.3}");
        svg.Append(".w{stroke-dasharray:5 4;opacity:.55}.v{stroke:#cf222e;stroke-width:2.4}path:hover{stroke-width:3.5}</style>\n");
        svg.Append("<defs>");
        ReadOnlySpan<(string Id, string Fill)> arrows = [("a", "#8c959f"), ("r", "#cf222e")];
        foreach (var (id, fill) in arrows)
        {
            Add(svg, $"<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\"");
            Add(svg, $" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"{fill}\"/></marker>");
        }
        svg.Append("</defs>\n");
        Add(svg, $"<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n");
        Add(svg, $"<text x=\"{Margin}\" y=\"30\" font-size=\"17\" font-weight=\"600\">Lock classes: {graph.Classes.Count}, ");
        Add(svg, $"dependencies: {graph.Edges.Count}, chains: {graph.ChainCount}, violations: {graph.Reports.Count}</text>\n");
        Legend(svg);
        foreach (var edge in layout.Lines.OrderBy(e => e.IsViolating))
            Line(svg, graph, edge, boxes, layout.Upward.Contains(edge));
        for (var i = 0; i < boxes.Length; i++)
            Box(svg, graph.Classes[i], boxes[i]);
        svg.Append("</svg>\n");
        return svg.ToString();
    }

    private static (double X, double Y, double Width)[] Place(LockGraph graph, LockGraphLayout layout, out int width, out int height)
    {
        var boxes = new (double X, double Y, double Width)[graph.Classes.Count];
        var widths = graph.Classes.Select(c => Math.Max(c.Name.Length * 8.0, Below(c).Length * 6.2) + 22).ToArray();
        var rowWidths = layout.Rows.Select(row => row.Sum(c => widths[c] + Gap) - Gap).ToArray();
        var widest = Math.Max(760, rowWidths.DefaultIfEmpty(0).Max());
        for (var r = 0; r < layout.Rows.Length; r++)
        {
            var x = Margin + ((widest - rowWidths[r]) / 2);
            foreach (var c in layout.Rows[r])
            {
                boxes[c] = (x, Head + (r * RowHeight), widths[c]);
                x += widths[c] + Gap;
            }
        }

        width = (int)Math.Ceiling(widest) + (2 * Margin) + 60;
        height = Head + (layout.Rows.Length * RowHeight);
        return boxes;
    }

    private static void Legend(StringBuilder svg)
    {
        var x = Margin;
        foreach (var (colour, border, text, length) in new[]
        {
            ("#ffe2c2", "#bc4c00", "waits spinning", 120), ("#d6e8ff", "#0969da", "waits sleeping", 120),
            ("#d9f2dd", "#1a7f37", "never waits (read section)", 190),
        })
        {
            Add(svg, $"<rect x=\"{x}\" y=\"46\" width=\"16\" height=\"16\" rx=\"3\" fill=\"{colour}\" stroke=\"{border}\"/>");
            Add(svg, $"<text x=\"{x + 22}\" y=\"58\" class=\"s\">{text}</text>\n");
            x += length;
        }

        Add(svg, $"<rect x=\"{x}\" y=\"46\" width=\"16\" height=\"16\" rx=\"3\" fill=\"#f6f8fa\" stroke=\"#57606a\"");
        Add(svg, $" stroke-dasharray=\"3 2\"/><text x=\"{x + 22}\" y=\"58\" class=\"s\">pseudo-lock</text>\n");
        Add(svg, $"<text x=\"{Margin}\" y=\"82\" class=\"s\">");
        svg.Append("outer above inner; implied orders left out; dashed: upward, by readers only, harmless; red: violation</text>\n");
    }

    private static void Line(StringBuilder svg, LockGraph graph, LockGraphEdge edge, (double X, double Y, double Width)[] boxes,
        bool upward)
    {
        var (from, to) = (boxes[edge.From], boxes[edge.To]);
        string path;
        if (upward)
        {
            var (x1, y1, x2, y2) = (from.X + from.Width, from.Y + (BoxHeight / 2), to.X + to.Width, to.Y + (BoxHeight / 2));
            var bend = Math.Max(x1, x2) + 50;
            path = string.Create(CultureInfo.InvariantCulture,
                $"M{x1:0.#} {y1:0.#}C{bend:0.#} {y1:0.#} {bend:0.#} {y2:0.#} {x2:0.#} {y2:0.#}");
        }
        else
        {
            var (x1, y1, x2, y2) = (from.X + (from.Width / 2), from.Y + BoxHeight, to.X + (to.Width / 2), to.Y - 1);
            var pull = Math.Min(60, (y2 - y1) / 2);
            path = string.Create(CultureInfo.InvariantCulture,
                $"M{x1:0.#} {y1:0.#}C{x1:0.#} {y1 + pull:0.#} {x2:0.#} {y2 - pull:0.#} {x2:0.#} {y2:0.#}");
        }

        var style = edge.IsViolating ? "e v" : upward ? "e w" : "e";
        var (outer, inner) = (graph.Classes[edge.From].Name, graph.Classes[edge.To].Name);
        Add(svg, $"<path class=\"{style}\" d=\"{path}\" marker-end=\"url(#{(edge.IsViolating ? 'r' : 'a')})\"><title>");
        Add(svg, $"{Escape($"{outer} --> {inner} ({edge.Kinds})\nheld: {edge.Holder}\nwanted: {edge.Waiter}")}</title></path>\n");
    }

    private static void Box(StringBuilder svg, LockGraphClass lockClass, (double X, double Y, double Width) box)
    {
        var isMap = lockClass.Kind == "map";
        var (fill, border) = isMap ? ("#f6f8fa", "#57606a") : lockClass.Context switch
        {
            WaitContext.Spin => ("#ffe2c2", "#bc4c00"),
            WaitContext.Free => ("#d9f2dd", "#1a7f37"),
            _ => ("#d6e8ff", "#0969da"),
        };
        var middle = box.X + (box.Width / 2);
        var outer = lockClass.MayNestIn.Count == 0 ? "nothing" : string.Join(", ", lockClass.MayNestIn);
        var dashes = isMap ? " stroke-dasharray=\"5 3\"" : "";
        var (name, below) = (Escape(lockClass.Name), Escape(Below(lockClass)));
        Add(svg, $"<g><title>{Escape($"{lockClass.Name}\ndeclared inside: {outer}")}</title>");
        Add(svg, $"<rect x=\"{box.X:0.#}\" y=\"{box.Y:0.#}\" width=\"{box.Width:0.#}\" height=\"{BoxHeight}\" rx=\"6\"");
        Add(svg, $" fill=\"{fill}\" stroke=\"{border}\"{dashes}/>");
        Add(svg, $"<text x=\"{middle:0.#}\" y=\"{box.Y + 18:0.#}\" text-anchor=\"middle\" font-weight=\"600\">{name}</text>");
        Add(svg, $"<text x=\"{middle:0.#}\" y=\"{box.Y + 33:0.#}\" text-anchor=\"middle\" class=\"s\">{below}</text></g>\n");
    }

    private static string Below(LockGraphClass lockClass)
    {
        var kind = lockClass.Kind.Length == 0 ? "not taken" : lockClass.Kind == "map" ? "pseudo-lock" : lockClass.Kind;
        var may = lockClass.HolderContext == WaitContext.Free ? "not wait" : lockClass.HolderContext.ToString().ToLowerInvariant();
        return $"{kind}, holder may {may}";
    }

    private static string Escape(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal);

    private static void Add(StringBuilder svg, FormattableString text) => svg.Append(FormattableString.Invariant(text));
}
