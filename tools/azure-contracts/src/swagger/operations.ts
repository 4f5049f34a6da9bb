import { basename } from 'node:path';
import type { PublishedAnswer, PublishedOperation, QueryParameter } from '../published/operation.js';
import { ANYTHING } from '../shapes/shape.js';
import type { Documents, Located, OperationNode, ParameterNode } from './documents.js';
import { SwaggerShapes } from './schemas.js';

const METHODS = new Set(['get', 'put', 'post', 'patch', 'delete', 'head']);

/** Every operation of these documents; an id is `Disks_CreateOrUpdate`. */
export function swaggerOperations(files: readonly string[], documents: Documents): readonly PublishedOperation[] {
  const shapes = new SwaggerShapes(documents);
  return files.flatMap((file) => {
    const { paths = {}, info } = documents.document(file);
    const source = `${basename(file)}@${info?.version}`;
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method]) => METHODS.has(method))
        .map(([method, node]) => {
          const shared = (methods as { readonly parameters?: readonly ParameterNode[] }).parameters ?? [];
          const parameters = [...shared, ...(node.parameters ?? [])].map((each) => resolved(each, file, documents));
          return operation({ node, file }, source, method.toUpperCase(), path, parameters, shapes);
        }),
    );
  });
}

function operation(
  { node, file }: Located<OperationNode>,
  source: string,
  method: string,
  path: string,
  parameters: readonly Located<ParameterNode>[],
  shapes: SwaggerShapes,
): PublishedOperation {
  const body = parameters.find((parameter) => parameter.node.in === 'body');
  const answers = new Map<number, PublishedAnswer>();
  let error: PublishedAnswer | null = null;
  for (const [status, { schema }] of Object.entries(node.responses ?? {})) {
    const answer = { body: schema === undefined ? null : shapes.shapeOf({ node: schema, file }) };
    if (status === 'default') error = answer;
    else answers.set(Number(status), answer);
  }
  return {
    source,
    id: node.operationId ?? `${method} ${path}`,
    method,
    path,
    query: parameters.filter((parameter) => parameter.node.in === 'query').map(({ node: each }) => query(each)),
    body:
      body === undefined
        ? null
        : {
            shape: body.node.schema === undefined ? ANYTHING : shapes.shapeOf({ ...body, node: body.node.schema }),
            required: (body.node.required as unknown) === true,
          },
    answers,
    error,
  };
}

function resolved(node: ParameterNode, file: string, documents: Documents): Located<ParameterNode> {
  if (node.$ref === undefined) return { node, file };
  return documents.resolve<ParameterNode>(node.$ref, file) ?? { node: {}, file };
}

function query(node: ParameterNode): QueryParameter {
  const type =
    node.type === 'integer' || node.type === 'number' ? 'number' : node.type === 'boolean' ? 'boolean' : 'string';
  return {
    name: node.name ?? '',
    required: (node.required as unknown) === true,
    type,
    ...(node.enum === undefined ? {} : { values: node.enum.map(String) }),
  };
}
