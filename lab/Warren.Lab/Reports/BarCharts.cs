using System.Globalization;
using System.Text;

namespace Warren.Lab.Reports;

/// <summary>One panel of a drawing: a bar per contender.</summary>
/// <param name="Title">What is measured.</param>
/// <param name="Unit">Of the values, for example "updates/s".</param>
/// <param name="Bars">Contender and value, at least 0.</param>
public sealed record ChartPanel(string Title, string Unit, IReadOnlyList<(string Label, double Value)> Bars);

/// <summary>Panels of horizontal bars as SVG, each panel with a scale of its own, in the colours of the viewer's scheme.</summary>
public static class BarCharts
{
    private const int Width = 860;
    private const int Left = 170;
    private const int Right = 150;
    private const int BarHeight = 20;
    private const int Gap = 8;
    private const int PanelHead = 40;

    public static string Svg(string title, string note, IReadOnlyList<ChartPanel> panels)
    {
        ArgumentNullException.ThrowIfNull(panels);
        var height = 78 + panels.Sum(Height);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{height}" viewBox="0 0 {Width} {height}" role="img">
            <title>{HtmlReport.E(title)}</title>
            <style>
            svg {"{"} --page: #ffffff; --text: #1c2026; --quiet: #6b7480; --bar: #2e7de1; --line: #e1e4ea; font: 13px system-ui, "Segoe UI", Roboto, sans-serif; {"}"}
            @media (prefers-color-scheme: dark) {"{"} svg {"{"} --page: #14161a; --text: #dfe3ea; --quiet: #8b94a3; --bar: #6aa5f0; --line: #2b2f38; {"}"} {"}"}
            text {"{"} fill: var(--text); {"}"} .q {"{"} fill: var(--quiet); {"}"} .h {"{"} font-size: 17px; font-weight: 600; {"}"} .p {"{"} font-weight: 600; {"}"} rect.b {"{"} fill: var(--bar); {"}"}
            </style>
            <rect width="100%" height="100%" style="fill:var(--page)"/>
            <text class="h" x="20" y="32">{HtmlReport.E(title)}</text>
            <text class="q" x="20" y="54">{HtmlReport.E(note)}</text>

            """);
        var y = 66;
        foreach (var panel in panels)
        {
            Panel(svg, panel, y);
            y += Height(panel);
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static int Height(ChartPanel panel) => PanelHead + (panel.Bars.Count * (BarHeight + Gap));

    private static void Panel(StringBuilder svg, ChartPanel panel, int top)
    {
        svg.Append(CultureInfo.InvariantCulture,
            $"<line x1=\"20\" x2=\"{Width - 20}\" y1=\"{top + 4}\" y2=\"{top + 4}\" style=\"stroke:var(--line)\"/>\n");
        svg.Append(CultureInfo.InvariantCulture,
            $"<text class=\"p\" x=\"20\" y=\"{top + 26}\">{HtmlReport.E(panel.Title)} <tspan class=\"q\" font-weight=\"400\">"
                + $"{HtmlReport.E(panel.Unit)}</tspan></text>\n");
        var greatest = panel.Bars.Count == 0 ? 0 : panel.Bars.Max(b => b.Value);
        var y = top + PanelHead;
        foreach (var (label, value) in panel.Bars)
        {
            var length = greatest > 0 ? value / greatest * (Width - Left - Right) : 0;
            svg.Append(CultureInfo.InvariantCulture,
                $"<text x=\"{Left - 10}\" y=\"{y + 15}\" text-anchor=\"end\">{HtmlReport.E(label)}</text>");
            svg.Append(CultureInfo.InvariantCulture,
                $"<rect class=\"b\" x=\"{Left}\" y=\"{y}\" width=\"{Math.Max(1, length):0.#}\" height=\"{BarHeight}\" rx=\"3\"/>");
            svg.Append(CultureInfo.InvariantCulture,
                $"<text x=\"{Left + Math.Max(1, length) + 8:0.#}\" y=\"{y + 15}\">{Number(value)}</text>\n");
            y += BarHeight + Gap;
        }
    }

    /// <summary>Three significant digits.</summary>
    internal static string Number(double value) => value switch
    {
        >= 100 => value.ToString("#,0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.#", CultureInfo.InvariantCulture),
        _ => value.ToString("0.##", CultureInfo.InvariantCulture),
    };
}
